export const awaited = await Promise.resolve({ n: 5 });
