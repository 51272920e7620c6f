//! Labelled traffic between members: honest ones, and those whom verdicts are made for.
//!
//! Owns what is sent, by whom, to whom and when; nothing of what becomes of it. Invariant: the same seed makes the same
//! traffic, in the order of time.

use base::Random;
use chrono::{DateTime, TimeDelta, Utc};
use screening::facts::{Relation, Surface};
use screening::pdq::{Hashed, Pdq};
use screening::standing::Standing;

/// The days that the traffic takes.
const DAYS: i64 = 10;
const HONEST_MEMBERS: u64 = 1_000;
const RING: u64 = 50;
/// The known pictures among which the spammer's is.
const KNOWN_PICTURES: usize = 100_000;

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Writes to friends, sometimes to new people, each time something else.
    Honest,
    /// Sends one text with varying names to as many strangers as possible.
    MassMailer,
    /// One of fifty accounts that send one text, each once a day.
    Ring,
    /// Sends one text in letters that look alike, with invisible characters.
    Homoglyphs,
    /// Sends a known picture, coded a little differently each time.
    Pictures,
    /// Invites ten strangers at a time to a group.
    GroupInvites,
    /// Writes to one stranger again and again.
    Harasser,
}

/// Something that is sent.
#[derive(Debug, Clone)]
pub struct Act {
    /// When.
    pub at: DateTime<Utc>,
    /// Who sends it; all but [`Kind::Honest`] is unwanted.
    pub kind: Kind,
    /// The sender's number.
    pub sender: u64,
    /// The sender's standing.
    pub standing: Standing,
    /// The recipient's number, or that of the first of several.
    pub recipient: u64,
    /// How many members it is for.
    pub recipients: u32,
    /// Where it is sent.
    pub surface: Surface,
    /// How the recipient stands to the sender.
    pub relation: Relation,
    /// Its words.
    pub text: String,
    /// Its picture.
    pub picture: Option<Hashed>,
}

/// All that is sent.
#[derive(Debug)]
pub struct Traffic {
    /// In the order of time.
    pub acts: Vec<Act>,
    /// Pictures that are known as bad.
    pub known_pictures: Vec<Hashed>,
}

const WORDS: &str = "\
    we sang the second voice of your song yesterday and it was lovely would you like to try another one with me \
    on Saturday evening after work my sister plays piano in a small choir near the river they need a tenor for \
    spring concert please tell us if that key is too high because I can move it down by two steps thank you for \
    coming to our wedding party last month here are photos from garden where children danced until midnight can \
    somebody send recording again since mine has no sound how is everyone at home today did train arrive late \
    again bring warm coats it gets cold near water what about lunch tomorrow there is new place beside station \
    with good soup and bread I heard about exam results congratulations you worked hard this year let me know \
    when rehearsal starts so I do not miss it";
const NAMES: [&str; 12] = [
    "Anna",
    "Bob",
    "Christopher",
    "Li",
    "Maria",
    "Konstantin",
    "Zoe",
    "Mohammed",
    "Jo",
    "Sebastian",
    "Ines",
    "Theodora",
];
/// Latin letters and the Cyrillic ones that look like them.
const ALIKE: [(char, char); 8] =
    [('a', 'а'), ('e', 'е'), ('o', 'о'), ('p', 'р'), ('c', 'с'), ('x', 'х'), ('y', 'у'), ('i', 'і')];

/// Makes the traffic that begins at `start`.
pub fn make(random: &Random, start: DateTime<Utc>) -> Traffic {
    let known_pictures: Vec<Hashed> =
        (0..KNOWN_PICTURES).map(|_| Hashed { hash: random_hash(random), quality: 100 }).collect();
    let mut acts = Vec::new();
    honest(random, start, &mut acts);
    unwanted(random, start, known_pictures.first().copied(), &mut acts);
    acts.sort_by_key(|act: &Act| act.at);
    Traffic { acts, known_pictures }
}

fn honest(random: &Random, start: DateTime<Utc>, acts: &mut Vec<Act>) {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    for sender in 0..HONEST_MEMBERS {
        let standing = match sender % 10 {
            0 => standing(1, 0),
            1..7 => standing(20, 5),
            _ => standing(200, 60),
        };
        for _ in 0..5 + random.below(25) {
            let is_friend = random.below(100) < 85;
            let mut text = sentence(random, &words);
            if random.below(100) < 3 {
                text.push_str(" https://www.youtube.com/watch?v=x");
            }
            acts.push(Act {
                at: start + TimeDelta::seconds(random.below(DAYS as u64 * 86_400) as i64),
                kind: Kind::Honest,
                sender,
                standing: standing.clone(),
                recipient: if is_friend { 10_000_000 + sender * 100 + random.below(20) } else { random.below(1 << 40) },
                recipients: 1,
                surface: Surface::Message,
                relation: if is_friend { Relation::Connected } else { Relation::Stranger },
                text,
                picture: None,
            });
        }
    }
}

fn unwanted(random: &Random, start: DateTime<Utc>, picture: Option<Hashed>, acts: &mut Vec<Act>) {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut send = |kind: Kind, sender: u64, minutes: i64, recipient: u64, text: String| {
        let act = Act {
            at: start + TimeDelta::minutes(minutes),
            kind,
            sender: 1_000_000 + sender,
            standing: if kind == Kind::Homoglyphs { standing(1, 0) } else { standing(20, 3) },
            recipient,
            recipients: if kind == Kind::GroupInvites { 10 } else { 1 },
            surface: if kind == Kind::GroupInvites { Surface::GroupInvite } else { Surface::Message },
            relation: Relation::Stranger,
            text,
            picture: if kind == Kind::Pictures { picture.map(|picture| recoded(random, picture)) } else { None },
        };
        acts.push(act);
    };
    let name = || NAMES[random.below(NAMES.len() as u64) as usize];
    for number in 0..300 {
        let text = format!(
            "Hi {}, I saw your profile and love your singing. I earn 3000 a week from home with a simple trick, write \
             me on my page to learn how, offer {number}",
            name()
        );
        send(Kind::MassMailer, 0, 20 * number, random.below(1 << 40), text);
    }
    for number in 0..RING as i64 * DAYS {
        let text = format!(
            "Dear {}, our studio looks for voices like yours. Pay a small fee today and be on stage with the stars \
             next week, answer quickly",
            name()
        );
        let (day, account) = (number / RING as i64, number % RING as i64);
        send(Kind::Ring, 1 + account as u64, day * 1440 + account * 25, random.below(1 << 40), text);
    }
    for number in 0..100 {
        let text =
            "Your account will be closed today, please confirm your password on my page to keep all of your songs";
        send(Kind::Homoglyphs, 100, 130 * number, random.below(1 << 40), disguised(random, text));
        send(Kind::Pictures, 101, 90 * number, random.below(1 << 40), sentence(random, &words));
        send(Kind::GroupInvites, 102, 60 * number, random.below(1 << 40), "Join my group".to_owned());
        send(Kind::Harasser, 103, 10 * number, 7, sentence(random, &words));
    }
}

fn standing(account_age_days: u32, replies_received: u32) -> Standing {
    Standing { account_age_days, replies_received, has_confirmed_address: true, ..Standing::default() }
}

/// Returns 8 to 40 words.
fn sentence(random: &Random, words: &[&str]) -> String {
    let count = 8 + random.below(33);
    let chosen: Vec<&str> = (0..count).map(|_| words[random.below(words.len() as u64) as usize]).collect();
    chosen.join(" ")
}

/// Returns a text in which a third of the letters are others that look alike, with invisible characters in between.
fn disguised(random: &Random, text: &str) -> String {
    let mut disguised = String::new();
    for letter in text.chars() {
        let alike = ALIKE.iter().find(|(from, _)| *from == letter).filter(|_| random.below(3) == 0);
        disguised.push(alike.map_or(letter, |(_, to)| *to));
        if letter.is_alphabetic() && random.below(12) == 0 {
            disguised.push('\u{200b}');
        }
    }
    disguised
}

fn random_hash(random: &Random) -> Pdq {
    let bytes: [[u8; 8]; 4] = std::array::from_fn(|_| random.bytes());
    Pdq::from_words(bytes.map(u64::from_be_bytes))
}

/// Returns the hash of a picture that was coded again: up to 25 bits differ.
fn recoded(random: &Random, picture: Hashed) -> Hashed {
    let mut words = picture.hash.to_words();
    for _ in 0..random.below(26) {
        words[random.below(4) as usize] ^= 1_u64 << random.below(64);
    }
    Hashed { hash: Pdq::from_words(words), quality: 80 }
}
