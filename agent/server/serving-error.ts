/** A refusal of the agent's server: the control plane turns its text into a Status for the user. */
export class ServingError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'ServingError';
    this.status = status;
  }
}
