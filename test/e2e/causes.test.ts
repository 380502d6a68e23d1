import { after, before, describe, test } from "node:test";
import { playCause } from "./cause.ts";
import { clusterCauses } from "./cluster-causes.ts";
import { operatorInstalled } from "./setup.ts";
import { type SinkWatch, watchSinks } from "./sink-watch.ts";
import { streamCauses } from "./stream-causes.ts";

describe("what keeps messages from moving is named, and mending it is enough", { concurrency: 4 }, () => {
  let watch: SinkWatch;

  before(async () => {
    await operatorInstalled();
    watch = watchSinks();
  });
  after(() => watch.close());

  for (const cause of [...streamCauses, ...clusterCauses]) {
    test(cause.name, async () => {
      const arranged = await cause.arrange();
      try {
        await playCause(cause, arranged, watch);
      } finally {
        await arranged.scenario.remove();
        await arranged.close?.();
      }
    });
  }
});
