/** Version of the node's software; the packages are released together. */
export const nodeVersion = "0.1.0";
