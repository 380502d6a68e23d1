import manifest from "../package.json" with { type: "json" };

/** The program's name and version, as it tells them to servers. */
export const program: { readonly name: string; readonly version: string } = {
  name: manifest.name,
  version: manifest.version,
};
