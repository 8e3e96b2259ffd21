const answer = await new Promise((resolve) => setTimeout(resolve, 1, 42));

export { answer };
