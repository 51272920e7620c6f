//! How and when the member of a session proved who they are: the claims `amr` (RFC 8176) and `auth_time`.
//!
//! Invariant: `mfa` is there if and only if two factors were proven: a password and a one-time code, or a passkey,
//! which is a device and the PIN or the finger that unlocks it.

use chrono::{DateTime, TimeDelta, Utc};

/// A way to prove who one is, with its names in `amr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// A password.
    Password,
    /// A code of an authenticator app, or a recovery code.
    OneTimeCode,
    /// A passkey that stays on its device, unlocked by its user.
    DevicePasskey,
    /// A passkey that is copied to the devices of its user, unlocked by its user.
    SyncedPasskey,
}

impl Method {
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["pwd"],
            Self::OneTimeCode => &["otp"],
            Self::DevicePasskey => &["hwk", "user"],
            Self::SyncedPasskey => &["swk", "user"],
        }
    }

    /// Whether it is a second factor, so anything but a password.
    fn is_factor(self) -> bool {
        self != Self::Password
    }
}

/// What a session's member has proven, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authentication {
    /// The names in `amr`, without `mfa`.
    methods: Vec<String>,
    /// The last proof of any kind.
    pub at: DateTime<Utc>,
    /// The last proof by a second factor.
    pub factor_at: Option<DateTime<Utc>>,
}

impl Authentication {
    /// Returns the authentication of a new session.
    pub(crate) fn by(methods: &[Method], at: DateTime<Utc>) -> Self {
        Self { methods: Vec::new(), at, factor_at: None }.with(methods, at)
    }

    /// Reads the stored form.
    pub(crate) fn parse(methods: &str, at: DateTime<Utc>, factor_at: Option<DateTime<Utc>>) -> Self {
        Self { methods: methods.split_whitespace().map(str::to_owned).collect(), at, factor_at }
    }

    /// Adds a proof.
    pub(crate) fn with(mut self, methods: &[Method], at: DateTime<Utc>) -> Self {
        for name in methods.iter().flat_map(|method| method.names()) {
            if !self.has(name) {
                self.methods.push((*name).to_owned());
            }
        }
        if methods.iter().any(|method| method.is_factor()) {
            self.factor_at = Some(at);
        }
        Self { at, ..self }
    }

    /// Returns the stored form: names separated by spaces.
    pub(crate) fn to_text(&self) -> String {
        self.methods.join(" ")
    }

    /// Returns the names for `amr`.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = self.methods.clone();
        let has_passkey = self.has("hwk") || self.has("swk");
        if has_passkey || (self.has("pwd") && self.has("otp")) {
            names.push("mfa".to_owned());
        }
        names
    }

    /// Whether the last proof is younger than `age`.
    pub(crate) fn is_recent(&self, age: TimeDelta, now: DateTime<Utc>) -> bool {
        now - self.at < age
    }

    /// Whether the last proof by a second factor is younger than `age`.
    pub(crate) fn has_recent_factor(&self, age: TimeDelta, now: DateTime<Utc>) -> bool {
        self.factor_at.is_some_and(|at| now - at < age)
    }

    fn has(&self, name: &str) -> bool {
        self.methods.iter().any(|has| has == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_factors_are_mfa_and_one_is_not() {
        let now = Utc::now();
        let names = |methods: &[Method]| Authentication::by(methods, now).names().join(" ");
        assert_eq!(names(&[Method::Password]), "pwd");
        assert_eq!(names(&[Method::OneTimeCode]), "otp");
        assert_eq!(names(&[Method::Password, Method::OneTimeCode]), "pwd otp mfa");
        assert_eq!(names(&[Method::DevicePasskey]), "hwk user mfa");
        assert_eq!(names(&[Method::Password, Method::SyncedPasskey]), "pwd swk user mfa");
    }

    #[test]
    fn a_proof_adds_to_the_session_and_a_password_proves_no_factor() {
        let start = Utc::now();
        let (later, age) = (start + TimeDelta::hours(1), TimeDelta::minutes(10));
        let session = Authentication::by(&[Method::Password, Method::OneTimeCode], start);
        let session = session.with(&[Method::Password], later);
        assert_eq!(session.names(), ["pwd", "otp", "mfa"]);
        assert!(session.is_recent(age, later) && !session.is_recent(age, later + age));
        assert!(!session.has_recent_factor(age, later), "the code was an hour ago");
        assert!(session.clone().with(&[Method::OneTimeCode], later).has_recent_factor(age, later));
        let read = Authentication::parse(&session.to_text(), session.at, session.factor_at);
        assert_eq!(read, session);
    }
}
