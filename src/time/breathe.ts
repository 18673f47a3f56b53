/** Lets waiting input and timers through: a turn of the event loop. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
