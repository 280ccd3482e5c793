// What an update leaves on the disk besides its own state: plain lines, since a shell script (the guard) reads them.

export const agentUpdate = {
  /** `FROM TO COUNT`: TO was switched to and has not proved itself in COUNT starts. */
  trying: '/var/lib/slipway/trying',
  /** The same line, when it was taken back. */
  failed: '/var/lib/slipway/failed',
  /** Starts that a new version has. */
  starts: 3,
} as const;
