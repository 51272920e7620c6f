//! Passwords that everybody tries first, of ten characters or more (shorter ones are refused anyway), lower-case.
//!
//! A small table of patterns, no substitute for a breach corpus. Invariant: each entry is lower-case and at least ten characters long.

/// The table.
pub(super) const COMMON: &[&str] = &[
    // Rows of keys and of digits.
    "1234567890", "12345678910", "123456789012", "0123456789", "0987654321", "9876543210", "1029384756", "1234512345", "1234554321", "123456123456",
    "123123123123", "123412341234", "1122334455", "11223344556677", "1q2w3e4r5t", "1q2w3e4r5t6y", "1qaz2wsx3edc", "1qazxsw23edc", "q1w2e3r4t5",
    "q1w2e3r4t5y6", "qazwsxedcrfv", "qwerty1234", "qwerty12345", "qwerty123456", "qwertyuiop", "qwertyuiop123", "qwertyuiop[]", "qwertzuiop", "azertyuiop",
    "asdfghjkl1", "asdfghjkl;", "asdfghjkl123", "zxcvbnm123", "zxcvbnm1234", "asdfasdfasdf", "asdf1234asdf", "qwer1234qwer", "abcd1234abcd", "abcdefghij",
    "abcdefghijk", "abcdefghijkl", "abcdef1234", "abcdef123456", "abc1234567", "abc123abc123", "a1b2c3d4e5", "aa12345678", "a123456789", "123456789a", "1234567891",
    // The word itself.
    "password00", "password01", "password10", "password11", "password12", "password123", "password1234", "password12345", "password123456", "password123!", "password1!",
    "password!1", "password2024", "password2025", "password2026", "passwordpassword", "passw0rd123", "p@ssw0rd123", "p@ssword123", "p@ssw0rd1234", "mypassword",
    "mypassword1", "mypassword123", "newpassword", "newpassword1", "thepassword", "letmein123", "letmein1234", "letmeinnow", "changeme123", "changemenow", "pleasechange",
    "trustno1trustno1", "secret1234", "secretpassword", "supersecret", "topsecret1", "default123", "temporary1", "temppassword",
    // Titles, greetings, feelings.
    "administrator", "admin12345", "admin123456", "adminadmin", "adminadmin123", "rootrootroot", "superadmin", "superman123", "welcome123", "welcome1234", "welcome2024",
    "welcome2025", "welcome2026", "helloworld", "helloworld1", "hello12345", "hellohello", "iloveyou12", "iloveyou123", "iloveyou1234", "iloveyou!!", "iloveyouso", "iloveyousomuch",
    "loveyou123", "mylove1234", "sunshine12", "sunshine123", "princess12", "princess123", "butterfly1", "butterfly123", "chocolate1", "chocolate123", "strawberry",
    "football12", "football123", "baseball12", "baseball123", "basketball", "basketball1", "liverpool1", "manchester", "manunited1", "barcelona1", "realmadrid", "skateboard",
    "pokemon123", "starwars12", "starwars123", "minecraft1", "minecraft123", "monkey1234", "dragon1234", "michael123", "jessica123", "charlie123", "computer12", "computer123",
    "internet12", "internet123", "samsung123", "summer2024", "summer2025", "summer2026", "winter2024", "winter2025", "winter2026", "spring2025", "spring2026", "autumn2025",
    "correcthorsebatterystaple", "whatever12", "whatever123", "nothing123", "test123456", "testtest12", "testtest123", "testpassword", "guest12345", "tuttitutti", "tutti12345",
];
