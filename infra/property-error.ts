// What is thrown for properties of a stack; the CDK app prints it and ends.

/** A value that cannot be used, said in one sentence. */
export class PropertyError extends Error {}
