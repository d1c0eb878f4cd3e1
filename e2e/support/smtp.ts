import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

interface Happening {
  port?: number;
  to?: string[];
  text?: string;
}

/** A real mail server, the one the server's own tests use, on a free loopback port. */
export class Smtp {
  #child: ChildProcessByStdio<Writable, Readable, null>;
  #happened: Happening[] = [];

  private constructor() {
    const script = at('crates/server/tests/mail/smtp.py');
    this.#child = spawn(at('target/py/bin/python'), [script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: this.#child.stdout });
    lines.on('line', (line) => this.#happened.push(JSON.parse(line) as Happening));
  }

  static async start(): Promise<Smtp> {
    const smtp = new Smtp();
    await expect.poll(() => smtp.#happened[0]?.port).toBeGreaterThan(0);
    return smtp;
  }

  /** What a Parlor is told of it. */
  get env(): Record<string, string> {
    return {
      PARLOR_SMTP_URL: `smtp://127.0.0.1:${String(this.#happened[0]?.port)}`,
      PARLOR_SMTP_STARTTLS: 'off',
      PARLOR_MAIL_FROM: 'Parlor <parlor@parlor.test>',
    };
  }

  /** Waits for the newest link to a page of ours in a mail to an address. */
  async linkTo(email: string, page: string): Promise<string> {
    const pattern = new RegExp(`https?://\\S+/${page}\\?token=[\\w-]+`);
    let link: string | undefined;
    await expect
      .poll(
        () => {
          const mails = this.#happened.filter(({ to }) => to?.includes(email));
          link = mails.map(({ text }) => pattern.exec(text ?? '')?.[0]).findLast(Boolean);
          return link;
        },
        { timeout: 10_000 },
      )
      .toBeDefined();
    return link ?? '';
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }
}
