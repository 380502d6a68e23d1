import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { RequestOptions } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inClusterAccess } from "../../../runtime/kube/access.ts";

test("a pod's access follows the kubelet's renewal of token and authorities", async () => {
  const folder = mkdtempSync(join(tmpdir(), "access-"));
  try {
    const access = inClusterAccess({ host: "10.96.0.1", port: "443", folder });
    assert.equal(access.getCurrentCluster()?.server, "https://10.96.0.1:443");
    for (const turn of ["first", "second"]) {
      writeFileSync(join(folder, "token"), `${turn}-token\n`);
      writeFileSync(join(folder, "ca.crt"), `${turn}-ca`);
      const options: RequestOptions = { headers: { accept: "application/json" } };
      await access.applyToHTTPSOptions(options);
      assert.deepEqual(options.headers, { accept: "application/json", authorization: `Bearer ${turn}-token` });
      assert.equal(String(options.ca), `${turn}-ca`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("an IPv6 address of the API server is put in brackets", () => {
  const access = inClusterAccess({ host: "fd00::1", port: "443" });
  assert.equal(access.getCurrentCluster()?.server, "https://[fd00::1]:443");
});
