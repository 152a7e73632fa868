//! What a person types, as the index understands it; and where in a message it is. Nothing that is typed is syntax.

use std::ops::Range;

/// The index knows three characters in a row; shorter words only narrow down what longer ones find.
const SHORTEST: usize = 3;

/// What stands between the figures of a telephone number.
const BETWEEN_DIGITS: [char; 7] = [' ', '-', '(', ')', '.', '/', '\u{a0}'];

/// How much of a message is shown on both sides of the first find, in characters.
const AROUND: usize = 40;

/// The words of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words(Vec<Word>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    letters: Vec<char>,
    /// A number is found whatever stands between its figures.
    is_number: bool,
}

/// Where the words are in a message, and how well they fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// Greater is better: whole words before beginnings, beginnings before parts.
    pub(super) score: u32,
    /// Bytes of the text, in order, not touching each other.
    places: Vec<Range<usize>>,
}

/// A text, letter by letter as it is compared, with the bytes where each letter stands.
struct Letters {
    folded: Vec<char>,
    at: Vec<Range<usize>>,
}

impl Words {
    /// Splits what was typed. Numbers side by side are one number.
    pub(super) fn of(typed: &str) -> Self {
        let mut words: Vec<Word> = Vec::new();
        for part in typed.split_whitespace() {
            let mut letters: Vec<char> = part.chars().filter_map(folded).collect();
            let is_number = letters.iter().any(char::is_ascii_digit)
                && letters
                    .iter()
                    .all(|c| c.is_ascii_digit() || *c == '+' || BETWEEN_DIGITS.contains(c));
            if is_number {
                letters.retain(|c| !BETWEEN_DIGITS.contains(c));
            }
            match words.last_mut() {
                Some(last) if last.is_number && is_number => last.letters.append(&mut letters),
                _ if letters.is_empty() => {}
                _ => words.push(Word { letters, is_number }),
            }
        }
        Self(words)
    }

    /// The question for the index; nothing if no word is long enough for it.
    pub(super) fn question(&self) -> Option<String> {
        let long = self.0.iter().filter(|word| word.letters.len() >= SHORTEST);
        let phrases: Vec<String> = long
            .map(|word| {
                let letters: String = word.letters.iter().collect();
                format!("\"{}\"", letters.replace('"', "\"\""))
            })
            .collect();
        (!phrases.is_empty()).then(|| phrases.join(" AND "))
    }

    /// Where all the words are in `text`; nothing if one is not in it.
    pub(super) fn find(&self, text: &str) -> Option<Hit> {
        let whole = Letters::of(text);
        let squeezed = whole.squeezed();
        let mut hit = Hit {
            score: 0,
            places: Vec::new(),
        };
        for word in &self.0 {
            let letters = if word.is_number { &squeezed } else { &whole };
            let (score, mut places) = letters.find(&word.letters)?;
            hit.score += score;
            hit.places.append(&mut places);
        }
        hit.places.sort_unstable_by_key(|place| place.start);
        hit.places.dedup_by(|later, earlier| {
            let touches = later.start <= earlier.end;
            if touches {
                earlier.end = earlier.end.max(later.end);
            }
            touches
        });
        Some(hit)
    }
}

impl Hit {
    /// The part of `text` around the first find, on one line, with every find between brackets.
    pub(super) fn snippet(&self, text: &str) -> String {
        let first = self.places.first().map_or(0, |place| place.start);
        let start = text[..first]
            .char_indices()
            .rev()
            .take(AROUND)
            .last()
            .map_or(first, |(at, _)| at);
        let after = text[first..].char_indices().nth(2 * AROUND);
        let end = after.map_or(text.len(), |(at, _)| first + at);
        let mut shown = String::new();
        if start > 0 {
            shown.push('…');
        }
        let mut at = start;
        for place in self.places.iter().filter(|place| place.end <= end) {
            shown.push_str(&text[at..place.start]);
            shown.push('[');
            shown.push_str(&text[place.clone()]);
            shown.push(']');
            at = place.end;
        }
        shown.push_str(&text[at..end]);
        if end < text.len() {
            shown.push('…');
        }
        shown.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Letters {
    fn of(text: &str) -> Self {
        let (at, folded) = text
            .char_indices()
            .filter_map(|(at, c)| folded(c).map(|folded| (at..at + c.len_utf8(), folded)))
            .unzip();
        Self { folded, at }
    }

    fn squeezed(&self) -> Self {
        let kept = self.folded.iter().zip(&self.at);
        let (folded, at) = kept
            .filter(|(c, _)| !BETWEEN_DIGITS.contains(c))
            .map(|(c, at)| (*c, at.clone()))
            .unzip();
        Self { folded, at }
    }

    /// Every place of `word`, and the score of the best.
    fn find(&self, word: &[char]) -> Option<(u32, Vec<Range<usize>>)> {
        let found: Vec<usize> = self
            .folded
            .windows(word.len())
            .enumerate()
            .filter(|(_, window)| *window == word)
            .map(|(at, _)| at)
            .collect();
        let score = found.iter().map(|at| self.score(*at, word.len())).max()?;
        let places = found
            .iter()
            .map(|at| self.at[*at].start..self.at[at + word.len() - 1].end);
        Some((score, places.collect()))
    }

    fn score(&self, at: usize, length: usize) -> u32 {
        let is_letter = |at: usize| self.folded.get(at).is_some_and(|c| c.is_alphanumeric());
        let begins = at == 0 || !is_letter(at - 1);
        match (begins, is_letter(at + length)) {
            (true, false) => 3,
            (true, true) => 2,
            (false, _) => 1,
        }
    }
}

/// A letter as it is compared, as the view `searchable` and the index make it; nothing for what the index does not see.
fn folded(letter: char) -> Option<char> {
    let small = letter.to_lowercase().next().unwrap_or(letter);
    Some(match small {
        'ё' => 'е',
        'і' => 'i',
        'ґ' => 'г',
        '’' | 'ʼ' => '\'',
        '\0' => return None,
        other => other,
    })
}

#[cfg(test)]
mod tests;
