//! Words as they are searched: one spelling for all that people type for the same word. What is written to the index and what
//! is looked for in it go through here alike.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::text::ascii_digit;

/// The version of what this file does. Raise it when [`fold`], [`forms`] or [`trigrams`] answer otherwise than before: the index
/// of products is then built anew at the next start, that of orders by its job.
pub const VERSION: i64 = 1;

/// A text as lower-case words parted by single spaces: without diacritics, harakat, tatweel and apostrophes (`Za'atar` is
/// `zaatar`), Arabic letters in one form each (أإآٱ are ا, ة and Persian ہ are ه, ى and ی are ي, ؤ is و, ئ is ي, ء goes, ک is ك,
/// پ is ب, ڤ is ف), digits in ASCII. Whatever is neither letter nor digit parts words.
#[must_use]
pub fn fold(text: &str) -> String {
    let once = fold_once(text);
    // A few letters change again when they are in lower case.
    let twice = fold_once(&once);
    if once == twice { once } else { fold_once(&twice) }
}

fn fold_once(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut parted = false;
    for character in text.chars().filter(|character| !is_silent(*character)).nfkd().flat_map(char::to_lowercase) {
        if is_combining_mark(character) || is_silent(character) {
            continue;
        }
        let spelled = spelled(character);
        if spelled.is_empty() && !character.is_alphanumeric() {
            parted = true;
            continue;
        }
        if parted && !folded.is_empty() {
            folded.push(' ');
        }
        parted = false;
        if spelled.is_empty() {
            folded.push(ascii_digit(character).unwrap_or(character));
        } else {
            folded.push_str(spelled);
        }
    }
    folded
}

/// What is written within a word without being a letter of it: apostrophes, tatweel, hamza on the line, marks of direction and
/// joining.
fn is_silent(character: char) -> bool {
    matches!(
        character,
        '\'' | '`'
            | '\u{00B4}'
            | '\u{02B9}'..='\u{02BF}'
            | '\u{2018}'..='\u{201B}'
            | '\u{2032}'
            | '\u{FF07}'
            | '\u{0640}'
            | '\u{0621}'
            | '\u{0674}'
            | '\u{00AD}'
            | '\u{061C}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}'
            | '\u{FEFF}'
    )
}

/// The one spelling of a letter that has several; empty for the others.
fn spelled(character: char) -> &'static str {
    match character {
        'ٱ' => "ا",
        'ة' | 'ۃ' | 'ہ' | 'ھ' | 'ە' => "ه",
        'ى' | 'ی' | 'ې' => "ي",
        'ک' | 'ڪ' | 'گ' => "ك",
        'ۆ' => "و",
        'پ' => "ب",
        'چ' => "ج",
        'ژ' => "ز",
        'ڤ' => "ف",
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ı' => "i",
        _ => "",
    }
}

/// What Arabic writes onto a word: and the, with the, like the, for the, the. The longest first; the fewest letters that must be
/// left for it to be one.
const ARTICLES: [(&str, usize); 6] = [("وال", 3), ("بال", 3), ("كال", 3), ("فال", 3), ("لل", 3), ("ال", 2)];
/// And, with: other words begin with them too, so what is left is one more form.
const PARTICLES: [char; 2] = ['و', 'ب'];
/// Letters that must be left after one of [`PARTICLES`].
const LEFT_OF_PARTICLE: usize = 3;
/// Letters of the shortest word that loses its ending.
const LEAST_ENDED: usize = 4;

/// A folded word and its other forms, itself first: without the article or an attached and/with (القهوة is قهوة, ونعنع is نعنع),
/// an English plural's singular, and the two spellings of a final Arabic vowel in Latin letters (`kunafeh`, `kunafa`).
#[must_use]
pub fn forms(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned()];
    let article = ARTICLES.iter().find_map(|(article, least)| {
        let rest = word.strip_prefix(article)?;
        (rest.chars().count() >= *least).then_some(rest)
    });
    let particle = || word.strip_prefix(PARTICLES).filter(|rest| rest.chars().count() >= LEFT_OF_PARTICLE);
    forms.extend(article.or_else(particle).map(str::to_owned));
    if word.len() >= LEAST_ENDED && word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        forms.extend(singular(word));
        let vowel = word.strip_suffix("eh").or_else(|| word.strip_suffix("ah"));
        forms.extend(vowel.map(|rest| format!("{rest}a")));
    }
    forms
}

fn singular(word: &str) -> Option<String> {
    if let Some(rest) = word.strip_suffix("ies") {
        return (rest.len() > 1).then(|| format!("{rest}y"));
    }
    let hisses = ["xes", "ches", "shes", "sses", "zes"].iter().any(|ending| word.ends_with(ending));
    let rest = if hisses { word.strip_suffix("es") } else { word.strip_suffix('s') };
    rest.filter(|rest| hisses || !rest.ends_with(['s', 'u', 'i'])).map(str::to_owned)
}

/// Every three letters in a row of a word with two blanks before it and one behind, so that its beginning counts most.
#[must_use]
pub fn trigrams(word: &str) -> Vec<String> {
    let padded: Vec<char> = "  ".chars().chain(word.chars()).chain(" ".chars()).collect();
    let mut trigrams: Vec<String> = padded.windows(3).map(|three| three.iter().collect()).collect();
    trigrams.sort_unstable();
    trigrams.dedup();
    trigrams
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_word_has_one_spelling() {
        for (text, wanted) in [
            ("  CROISSANT au  Beurre! ", "croissant au beurre"),
            ("crème brûlée", "creme brulee"),
            ("Straße, Smørrebrød, ŁÓDŹ, Œuf, İstanbul", "strasse smorrebrod lodz oeuf istanbul"),
            ("Za'atar, Ma’amoul, Kaʿak", "zaatar maamoul kaak"),
            ("كُنَافَة", "كنافه"),
            ("كنـــافه", "كنافه"),
            ("أإآٱا", "ااااا"),
            ("مؤونة شيء لؤلؤ بيئة", "موونه شي لولو بييه"),
            ("حلوى", "حلوي"),
            ("شیرینی کیک", "شيريني كيك"),
            ("قهوة،شاي؛ماء؟", "قهوه شاي ما"),
            ("ربطة ١٠ و۱۲", "ربطه 10 و12"),
            ("ﻛﻨﺎﻓﺔ", "كنافه"),
            ("ＣＡＫＥ２", "cake2"),
            ("خب\u{200F}ز\u{202E}", "خبز"),
            ("پیتزا", "بيتزا"),
            ("\"*()- :^🥐\0", ""),
        ] {
            assert_eq!(fold(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_word_is_found_with_and_without_what_is_attached_to_it() {
        for (word, others) in [
            ("القهوه", vec!["قهوه"]),
            ("بالزبده", vec!["زبده"]),
            ("والجوز", vec!["جوز"]),
            ("للعيد", vec!["عيد"]),
            ("ونعنع", vec!["نعنع"]),
            ("البن", vec!["بن"]),
            ("الم", vec![]),
            ("ورد", vec![]),
            ("cakes", vec!["cake"]),
            ("boxes", vec!["box"]),
            ("cherries", vec!["cherry"]),
            ("swiss", vec![]),
            ("couscous", vec![]),
            ("labneh", vec!["labna"]),
            ("tea", vec![]),
        ] {
            assert_eq!(forms(word)[1..], others, "{word}");
        }
    }

    #[test]
    fn trigrams_know_where_a_word_begins() {
        assert_eq!(trigrams("كعك"), ["  ك", " كع", "عك ", "كعك"]);
        assert_eq!(trigrams("a"), ["  a", " a "]);
        assert_eq!(trigrams(""), ["   "]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,60}|.{0,60}|[a-zA-Zأ-يىةؤئ٠-٩ـ'\u{064B}-\u{0652} ]{0,60}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once.clone());
            prop_assert!(!once.starts_with(' ') && !once.ends_with(' ') && !once.contains("  "));
            for word in once.split(' ').filter(|word| !word.is_empty()) {
                prop_assert!(word.chars().all(char::is_alphanumeric), "{word}");
                prop_assert!(forms(word).iter().all(|form| !form.is_empty() && !form.contains(' ')));
                prop_assert!(trigrams(word).iter().all(|three| three.chars().count() == 3));
            }
        }
    }
}
