// Where a watch writes to: the body of its answer, filled only as it is read, or a host's socket without the web's streams
// between. To a thousand watchers the way through a stream costs as much as the system's own write.

/** A host's end of a connection. */
export interface Sink {
  /** False: wait for `resume`. */
  write(bytes: Uint8Array): boolean;
  end(): void;
  fail(error: unknown): void;
}

const outlets = new WeakMap<ReadableStream, Outlet>();

/** For hosts: what stands behind a body, while it is still empty; undefined for an ordinary stream. */
export function outletOf(body: ReadableStream): Outlet | undefined {
  const outlet = outlets.get(body);
  return outlet?.untouched ? outlet : undefined;
}

export class Outlet {
  readonly body: ReadableStream<Uint8Array>;
  readonly #onReady: () => void;
  readonly #onCancel: () => void;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** Set while a reader waits for the next bytes. */
  #answer: (() => void) | undefined;
  #sink: Sink | undefined;
  #sinkReady = false;
  #untouched = true;

  /** `onReady`: bytes can be taken now. `onCancel`: nobody wants any more. */
  constructor(onReady: () => void, onCancel: () => void) {
    this.#onReady = onReady;
    this.#onCancel = onCancel;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () =>
          new Promise<void>((resolve) => {
            this.#answer = resolve;
            this.#onReady();
          }),
        cancel: () => this.cancel(),
      },
      // Nothing is made before it is asked for.
      new CountQueuingStrategy({ highWaterMark: 0 }),
    );
    outlets.set(this.body, this);
  }

  /** Nothing was written into the stream, nor was it ended. */
  get untouched(): boolean {
    return this.#untouched;
  }

  get ready(): boolean {
    return this.#sink ? this.#sinkReady : this.#answer !== undefined;
  }

  write(bytes: Uint8Array): void {
    this.#untouched = false;
    if (this.#sink) this.#sinkReady = this.#sink.write(bytes);
    else {
      this.#controller.enqueue(bytes);
      this.#answered();
    }
  }

  close(): void {
    this.#untouched = false;
    if (this.#sink) this.#sink.end();
    else {
      this.#controller.close();
      this.#answered();
    }
  }

  fail(error: unknown): void {
    this.#untouched = false;
    if (this.#sink) this.#sink.fail(error);
    else {
      this.#controller.error(error);
      this.#answered();
    }
  }

  /** A host writes to its socket from now on; the body is not read. Only while it is untouched. */
  connect(sink: Sink): void {
    this.#sink = sink;
    this.#sinkReady = true;
    this.#onReady();
  }

  /** The sink takes bytes again. */
  resume(): void {
    this.#sinkReady = true;
    this.#onReady();
  }

  cancel(): void {
    this.#onCancel();
  }

  #answered(): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.();
  }
}
