// The cluster's registry is reached straight, also where programs are told to go through a proxy.

/** For programs in Go (containerd, buildah): `host` is added to those that NO_PROXY names. */
export const besideProxy = (host: string, env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv => ({
  ...env,
  NO_PROXY: [env['NO_PROXY'] || env['no_proxy'], host].filter(Boolean).join(','),
});
