/** Signs of a join code. */
export const CODE_LENGTH = 6;

/** Takes from a text the signs a code may have, in capitals. */
export function readCode(text: string): string {
  return text
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '')
    .slice(0, CODE_LENGTH);
}
