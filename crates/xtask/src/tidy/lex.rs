//! Tells the code of a Rust file from its comments and its texts: enough of a lexer to know that
//! the word in a comment is not the macro.

/// What a stretch of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Code, with a blank in place of each text and comment.
    Code,
    /// What stands between the quotes of a string literal, escapes unread.
    Text,
    /// A comment, with its slashes.
    Comment,
}

/// A stretch of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// What it is.
    pub kind: Kind,
    /// The line it begins on, counted from 1.
    pub line: usize,
    /// Its own text.
    pub text: &'a str,
}

/// Splits a Rust file. Whatever does not lex is taken for code; the compiler complains elsewhere.
pub fn split(source: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut line = 1;
    let (mut code_from, mut code_line) = (0, 1);
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        let Some((kind, open, inner, close)) = begin(rest, source[..at].chars().next_back()) else {
            let step = rest.chars().next().map_or(1, char::len_utf8);
            line += usize::from(rest.starts_with('\n'));
            at += step;
            continue;
        };
        push(&mut pieces, Kind::Code, code_line, &source[code_from..at]);
        let text = &rest[open..open + inner];
        if let Some(kind) = kind {
            push(&mut pieces, kind, line, text);
        }
        line += rest[..open + inner + close].matches('\n').count();
        at += open + inner + close;
        (code_from, code_line) = (at, line);
    }
    push(&mut pieces, Kind::Code, code_line, &source[code_from..]);
    pieces
}

fn push<'a>(pieces: &mut Vec<Piece<'a>>, kind: Kind, line: usize, text: &'a str) {
    if !text.is_empty() {
        pieces.push(Piece { kind, line, text });
    }
}

/// Reads a comment, text or character at the start of `rest`: what it is (`None` for a character,
/// which nobody asks for), and the bytes before, in and after its inside.
fn begin(rest: &str, before: Option<char>) -> Option<(Option<Kind>, usize, usize, usize)> {
    if rest.starts_with("//") {
        return Some((Some(Kind::Comment), 0, rest.find('\n').unwrap_or(rest.len()), 0));
    }
    if rest.starts_with("/*") {
        return Some((Some(Kind::Comment), 0, block_comment(rest), 0));
    }
    if let Some(inside) = rest.strip_prefix('"') {
        let inner = until_quote(inside);
        return Some((Some(Kind::Text), 1, inner, usize::from(1 + inner < rest.len())));
    }
    if rest.starts_with('r') && !before.is_some_and(|c| c.is_alphanumeric() && c != 'b' || c == '_')
    {
        let hashes = rest[1..].bytes().take_while(|&byte| byte == b'#').count();
        if rest[1 + hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let open = hashes + 2;
            let inner = rest[open..].find(&close).unwrap_or(rest.len() - open);
            return Some((
                Some(Kind::Text),
                open,
                inner,
                close.len().min(rest.len() - open - inner),
            ));
        }
    }
    if let Some(inner) = rest.strip_prefix('\'') {
        return character(inner).map(|length| (None, 1, length, 1));
    }
    None
}

/// Length of a block comment, those inside it included.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    let bytes = rest.as_bytes();
    while at < bytes.len() {
        match &bytes[at..bytes.len().min(at + 2)] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn until_quote(inner: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at,
            _ => {}
        }
    }
    inner.len()
}

/// Length of a character literal's inside; `None` when the quote began a lifetime.
fn character(inner: &str) -> Option<usize> {
    if inner.starts_with('\\') {
        return inner[2.min(inner.len())..].find('\'').map(|at| at + 2);
    }
    let length = inner.chars().next()?.len_utf8();
    inner[length..].starts_with('\'').then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: Kind, source: &str) -> Vec<(usize, &str)> {
        split(source).into_iter().filter(|p| p.kind == kind).map(|p| (p.line, p.text)).collect()
    }

    #[test]
    fn texts_are_found_with_their_lines() {
        let source = "let a = \"one\";\nlet b = r#\"two \"x\" \"#;\nlet c = b\"three\\\"\";";
        assert_eq!(of(Kind::Text, source), [(1, "one"), (2, "two \"x\" "), (3, "three\\\"")]);
    }

    #[test]
    fn comments_end_where_they_end() {
        let source = "a /* x /* \"y\" */ z */ b // \"c\nd";
        assert_eq!(of(Kind::Comment, source), [(1, "/* x /* \"y\" */ z */"), (1, "// \"c")]);
        assert_eq!(of(Kind::Text, source), []);
    }

    #[test]
    fn a_quote_as_a_character_opens_no_text_and_a_lifetime_no_character() {
        let source = "f::<'a>('\"', '\\'', \"t\", x: &'a str)";
        assert_eq!(of(Kind::Text, source), [(1, "t")]);
    }

    #[test]
    fn a_name_that_ends_in_r_does_not_make_a_text_raw() {
        assert_eq!(of(Kind::Text, "for\"a\\\"b\""), [(1, "a\\\"b")]);
    }

    #[test]
    fn what_is_cut_off_does_no_harm() {
        for source in ["\"", "r#\"", "/*", "'", "'\\", "b\"\\"] {
            assert!(
                split(source).iter().map(|piece| piece.text.len()).sum::<usize>() <= source.len()
            );
        }
    }
}
