/** A piece of an event stream, up to a blank line. */
export interface Piece {
  /** Where the stream stands after it. */
  id?: string;
  /** What it says; absent in a piece that only says where the stream stands. */
  data?: string;
}

/** Longest line that is read, in characters; the server's are shorter by far. */
const MOST_CHARS = 1_000_000;

/**
 * Reads an event stream as it comes (HTML Living Standard, section 9.2.6) for what Parlor sends: `id`
 * and `data`. `EventSource` does not tell where a stream stands before something happened in it, nor why
 * it was refused.
 */
export async function* pieces(body: ReadableStream<Uint8Array>): AsyncGenerator<Piece, void> {
  const reader = body.pipeThrough(new TextDecoderStream() as never).getReader();
  let rest = '';
  let piece: Piece = {};
  try {
    for (;;) {
      const { done, value } = (await reader.read()) as { done: boolean; value: string };
      if (done) return;
      rest += value;
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      if (rest.length > MOST_CHARS) throw new Error('A line of the stream has no end');
      for (const line of lines) {
        if (line !== '') {
          piece = withLine(piece, line);
        } else {
          yield piece;
          piece = {};
        }
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function withLine(piece: Piece, line: string): Piece {
  const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
  if (name === 'id') return { ...piece, id: value };
  if (name !== 'data') return piece;
  return { ...piece, data: piece.data === undefined ? value : `${piece.data}\n${value}` };
}
