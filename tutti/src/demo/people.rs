//! The people of the demo's community.
//!
//! Invariant: the order is that of how many follow them, and nobody follows themselves.

/// A member of the community.
pub(super) struct DemoPerson {
    /// The handle.
    pub(super) handle: &'static str,
    /// The name to show.
    pub(super) name: &'static str,
    /// What they say of themselves.
    pub(super) bio: &'static str,
    /// The colours of their pictures.
    pub(super) colours: [&'static str; 2],
}

const fn person(handle: &'static str, name: &'static str, colours: [&'static str; 2], bio: &'static str) -> DemoPerson {
    DemoPerson { handle, name, bio, colours }
}

/// The people, the most followed first.
pub(super) static PEOPLE: [DemoPerson; 40] = [
    person("amara.okafor", "Amara Okafor", ["0xe4572e", "0xf3a712"], "Choir on Tuesdays, karaoke on Fridays. Lagos."),
    person("yuki.kobayashi", "小林ゆき", ["0x2e86ab", "0xa8dadc"], "歌うことと電車が好きです。"),
    person("mateus.araujo", "Mateus Araújo", ["0x2a9d8f", "0xe9c46a"], "Violão, praia e café. Salvador."),
    person("lucia.fernandez", "Lucía Fernández", ["0x9b2226", "0xee9b00"], "Fotos de ventanas y de lo que hay detrás."),
    person("jonas.muller", "Jonas Müller", ["0x264653", "0x8ab17d"], "Baut Instrumente aus Fahrrädern."),
    person("omar.haddad", "عمر حداد", ["0x5f0f40", "0xfb8b24"], "أعزف على العود وأجمع الأغاني القديمة."),
    person("chloe.lefevre", "Chloé Lefèvre", ["0x6d597a", "0xe56b6f"], "Je filme les mariages, et les répétitions."),
    person("priya.sharma", "प्रिया शर्मा", ["0xd62828", "0xfcbf49"], "गाना, चाय और बारिश।"),
    person("kofi.mensah", "Kofi Mensah", ["0x006d77", "0x83c5be"], "Drums. Bread. In that order. Accra."),
    person("minjun.kim", "김민준", ["0x3d405b", "0xe07a5f"], "주말마다 노래를 녹음합니다."),
    person("oksana.koval", "Оксана Коваль", ["0x023e8a", "0xffd60a"], "Співаю з бабусею і записую її пісні."),
    person("lars.odegard", "Lars Ødegård", ["0x1d3557", "0xa8dadc"], "Fiolin og fjell."),
    person("linh.nguyen", "Nguyễn Thùy Linh", ["0x386641", "0xa7c957"], "Hát, nấu ăn và đi xe đạp."),
    person("aylin.yildiz", "Aylin Yıldız", ["0x7209b7", "0xf72585"], "Bağlama ve film müzikleri."),
    person("zofia.wisniewska", "Zofia Wiśniewska", ["0x582f0e", "0xa68a64"], "Akordeon po dziadku, piosenki moje."),
    person(
        "thandi.dlamini",
        "Thandiwe Dlamini",
        ["0xbc4749", "0xf2e8cf"],
        "I teach songs to people who say they can't sing.",
    ),
    person("dimitra.pappa", "Δήμητρα Παππά", ["0x0077b6", "0xcaf0f8"], "Φωτογραφίζω τη θάλασσα κάθε πρωί."),
    person("wei.chen", "陈伟", ["0x9d0208", "0xffba08"], "喜欢老歌和旧相机。"),
    person("eoghan.obriain", "Eoghan Ó Briain", ["0x1b4332", "0x95d5b2"], "Ceol agus caint. Sessions on Thursdays."),
    person("noam.levi", "נועם לוי", ["0x14213d", "0xfca311"], "בס, מטבח ושני חתולים."),
    person("giulia.ricci", "Giulia Ricci", ["0xae2012", "0x94d2bd"], "Canto sotto la doccia e, ogni tanto, altrove."),
    person("nadia.benali", "Nadia Benali", ["0x780000", "0xfdf0d5"], "أغنّي بالعربية و en français."),
    person("tane.ngata", "Tāne Ngata", ["0x081c15", "0x52b788"], "Waiata, gardens, and my nephew's first guitar."),
    person("tereza.dvorakova", "Tereza Dvořáková", ["0x3a0ca3", "0x4cc9f0"], "Sbírám sborové písně."),
    person("arjun.kumar", "அர்ஜுன் குமார்", ["0xe85d04", "0xffba08"], "வயலின் மாணவன்."),
    person("ines.carvalho", "Inês Carvalho", ["0x005f73", "0x0a9396"], "Fado, mas com boa disposição."),
    person("eero.makinen", "Eero Mäkinen", ["0x2b2d42", "0x8d99ae"], "Hiljaisia lauluja."),
    person("leila.rezaei", "لیلا رضایی", ["0x6a040f", "0xf48c06"], "شعر و سه تار."),
    person(
        "gabriel.santos",
        "Gabriel Santos",
        ["0x0f4c5c", "0xfb8b24"],
        "Mahilig sa videoke. Kasama ang buong pamilya.",
    ),
    person("anders.lindstrom", "Anders Lindström", ["0x003049", "0xfcbf49"], "Kör, kaffe, kamera."),
    person("sita.gurung", "सीता गुरुङ", ["0x9a031e", "0xe36414"], "पहाडका गीतहरू।"),
    person("marta.puig", "Marta Puig", ["0x540b0e", "0xe09f3e"], "Havaneres i fotos del port."),
    person("bence.szabo", "Szabó Bence", ["0x335c67", "0xfff3b0"], "Cimbalom és házi lekvár."),
    person("wairimu.kamau", "Wairimu Kamau", ["0x31572c", "0xecf39e"], "Napenda kuimba na kupika. Nairobi."),
    person("petar.ivanov", "Петър Иванов", ["0x3c096c", "0xc77dff"], "Гайда, но тихо."),
    person("nino.beridze", "ნინო ბერიძე", ["0x7f5539", "0xe6ccb2"], "სამ ხმაში ყველაფერი უკეთესია."),
    person("samir.hossain", "সামির হোসেন", ["0x006400", "0xffd6a5"], "গান আর নদী।"),
    person("ana.popescu", "Ana Popescu", ["0x22223b", "0xc9ada7"], "Colinde tot anul."),
    person("hana.kovac", "Hana Kovač", ["0x8338ec", "0xffbe0b"], "Klavir, dva brata, jedan mikrofon."),
    person("tomas.quispe", "Tomás Quispe", ["0x9e2a2b", "0xe09f3e"], "Charango y montaña."),
];

/// Whether one follows the other, by their places: the first are followed by most, the last by few.
pub(super) fn follows(follower: usize, followee: usize) -> bool {
    follower != followee && (follower * 31 + followee * 17) % 40 < 34 / (1 + followee / 4)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn few_are_followed_by_many_and_everyone_by_somebody() {
        let handles: HashSet<&str> = PEOPLE.iter().map(|person| person.handle).collect();
        assert_eq!(handles.len(), PEOPLE.len());
        assert!(PEOPLE.iter().all(|person| !person.bio.is_empty() && person.handle.len() <= 30));
        let places = 0..PEOPLE.len();
        let followers = |of: usize| places.clone().filter(|one| follows(*one, of)).count();
        assert!(followers(0) > 30 && followers(39) < 6);
        assert!(places.clone().all(|of| followers(of) > 0 && !follows(of, of)));
        assert!(places.clone().all(|one| places.clone().any(|of| follows(one, of))));
    }
}
