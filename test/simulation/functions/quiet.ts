// When all that can go on has gone on. Cryptography is done on other threads, and ends when those please: a run that is to repeat
// itself waits for it.
const methods = ['digest', 'sign', 'verify', 'encrypt', 'decrypt', 'importKey', 'exportKey', 'generateKey'] as const;

let elsewhere = 0;

for (const name of methods) {
  const method = (crypto.subtle[name] as (...args: unknown[]) => Promise<unknown>).bind(crypto.subtle);
  Object.defineProperty(crypto.subtle, name, {
    value: async (...args: unknown[]) => {
      elsewhere++;
      try {
        return await method(...args);
      } finally {
        elsewhere--;
      }
    },
  });
}

export const quiet = (): Promise<void> =>
  new Promise((resolve) => {
    const look = (): void => {
      if (elsewhere > 0) setImmediate(look);
      else resolve();
    };
    setImmediate(look);
  });
