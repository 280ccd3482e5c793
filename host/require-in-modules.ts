/** Begins bundles of ES modules, which have no `require`: libraries in the older form call it for Node's own modules. */
export const requireInModules =
  "import{createRequire as __slipwayRequire}from'node:module';const require=__slipwayRequire(import.meta.url);";
