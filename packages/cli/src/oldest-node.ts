/** The oldest major version of Node.js that Myelin runs on (`engines` of its packages). */
export const oldestNode = 24;
