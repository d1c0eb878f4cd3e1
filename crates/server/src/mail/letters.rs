//! What letters say.

use std::time::Duration;

use askama::Template;
use lettre::Message;
use lettre::message::{Mailbox, MultiPart};
use parlor_store::Purpose;

/// A kind of letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letter {
    /// Has a link to set another password.
    Reset,
    /// Has a link that proves the address.
    Verify,
    /// Has a link into a room.
    Invite,
    /// Has no link: says that somebody tried to register with the address.
    Taken,
}

#[derive(Template)]
#[template(path = "mail/reset.html")]
struct ResetPage<'a> {
    name: &'a str,
    link: &'a str,
    host: &'a str,
}

#[derive(Template)]
#[template(path = "mail/reset.txt")]
struct ResetText<'a> {
    name: &'a str,
    link: &'a str,
    host: &'a str,
}

#[derive(Template)]
#[template(path = "mail/verify.html")]
struct VerifyPage<'a> {
    name: &'a str,
    link: &'a str,
    host: &'a str,
}

#[derive(Template)]
#[template(path = "mail/verify.txt")]
struct VerifyText<'a> {
    name: &'a str,
    link: &'a str,
    host: &'a str,
}

#[derive(Template)]
#[template(path = "mail/invite.html")]
struct InvitePage<'a> {
    name: &'a str,
    link: &'a str,
    host: &'a str,
    room: &'a str,
    message: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "mail/invite.txt")]
struct InviteText<'a> {
    name: &'a str,
    link: &'a str,
    host: &'a str,
    room: &'a str,
    message: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "mail/taken.html")]
struct TakenPage<'a> {
    name: &'a str,
    link: &'a str,
    host: &'a str,
}

#[derive(Template)]
#[template(path = "mail/taken.txt")]
struct TakenText<'a> {
    name: &'a str,
    link: &'a str,
    host: &'a str,
}

/// What a letter is filled in with.
#[derive(Clone, Copy, Debug)]
pub struct Filling<'a> {
    /// The name of whom it goes to, or of who invites them, for the text alone: a header holds
    /// nothing a person chose but the address.
    pub name: &'a str,
    /// The link.
    pub link: &'a str,
    /// The site's host.
    pub host: &'a str,
    /// Of [`Letter::Invite`], the room's name.
    pub room: &'a str,
    /// Of [`Letter::Invite`], what the inviter says.
    pub message: Option<&'a str>,
}

impl Letter {
    const ALL: [Self; 4] = [Self::Reset, Self::Verify, Self::Invite, Self::Taken];

    /// Returns the word it is kept by.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Verify => "verify",
            Self::Invite => "invite",
            Self::Taken => "taken",
        }
    }

    /// Finds the letter that is kept by a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|letter| letter.word() == word)
    }

    /// Returns what its token is good for, if it has one that is kept as a one-time token.
    pub fn purpose(self) -> Option<Purpose> {
        match self {
            Self::Reset => Some(Purpose::Reset),
            Self::Verify => Some(Purpose::Verify),
            Self::Invite | Self::Taken => None,
        }
    }

    /// Returns how long its link works, or how long it is worth sending.
    pub fn life(self) -> Duration {
        match self {
            Self::Reset => Duration::from_secs(3_600),
            Self::Verify | Self::Taken => Duration::from_secs(3 * 86_400),
            Self::Invite => Duration::from_secs(7 * 86_400),
        }
    }

    /// Returns what it is about, in a line.
    pub fn subject(self) -> &'static str {
        match self {
            Self::Reset => "Set another password",
            Self::Verify => "Is this your address?",
            Self::Invite => "You are invited",
            Self::Taken => "You have an account already",
        }
    }

    /// Says whether its link carries a token.
    pub fn has_token(self) -> bool {
        self != Self::Taken
    }

    /// Returns its link.
    pub fn link(self, origin: &str, token: &str) -> String {
        let page = match self {
            Self::Reset => "reset",
            Self::Verify => "verify",
            Self::Invite => "invitation",
            Self::Taken => return format!("{origin}/you"),
        };
        format!("{origin}/{page}?token={token}")
    }

    /// Writes it, as plain text and as a page.
    ///
    /// # Errors
    /// A sentence, if it cannot be written.
    pub fn write(
        self,
        from: &Mailbox,
        to: &str,
        id: &str,
        filling: Filling<'_>,
    ) -> Result<Message, String> {
        let Filling { name, link, host, room, message } = filling;
        let (text, page) = match self {
            Self::Reset => {
                let text = ResetText { name, link, host }.render();
                (text, ResetPage { name, link, host }.render())
            }
            Self::Verify => {
                let text = VerifyText { name, link, host }.render();
                (text, VerifyPage { name, link, host }.render())
            }
            Self::Invite => {
                let text = InviteText { name, link, host, room, message }.render();
                (text, InvitePage { name, link, host, room, message }.render())
            }
            Self::Taken => {
                let text = TakenText { name, link, host }.render();
                (text, TakenPage { name, link, host }.render())
            }
        };
        let text = text.map_err(|error| error.to_string())?;
        let page = page.map_err(|error| error.to_string())?;
        let to = to.parse().map_err(|_| "the address cannot be written to".to_owned())?;
        Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, to))
            .subject(self.subject())
            // The same each time it is tried, so that a box that got it twice shows it once.
            .message_id(Some(format!("<{id}@{host}>")))
            .multipart(MultiPart::alternative_plain_html(text, page))
            .map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_text_and_nothing_else() {
        let from: Mailbox = "Parlor <parlor@example.org>".parse().unwrap();
        let name = "<b>Ada</b>\r\nBcc: eve@example.org";
        for letter in Letter::ALL {
            assert_eq!(Letter::of_word(letter.word()), Some(letter));
            let link = letter.link("https://parlor.example.org", "abc");
            let (room, message) = ("<i>Films</i>", Some("Come\r\nBcc: eve@example.org"));
            let filling = Filling { name, link: &link, host: "parlor.example.org", room, message };
            let mail = letter.write(&from, "ada@example.org", "m1", filling).unwrap();
            let written = String::from_utf8(mail.formatted()).unwrap();
            let (head, body) = written.split_once("\r\n\r\n").unwrap();
            assert!(!head.contains("Bcc") && !head.contains("Ada"), "{head}");
            assert!(body.contains("&#60;b&#62;Ada"), "{body}");
            assert!(mail.envelope().to().len() == 1);
        }
    }
}
