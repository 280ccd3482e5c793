// Lets all that waits for nothing but its turn of the event loop go on: after some turns nothing of that kind is left.
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
