//! What the people of the demo's community say.
//!
//! Invariant: each text is on one line, and no author writes the same twice, so a post is found again by its text.

/// What a post shows beside its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nothing.
    Nothing,
    /// A picture of these colours.
    Picture([&'static str; 2]),
    /// A video of four seconds, with a tone of so many hertz.
    Clip(u32),
}

/// A comment: the handle of its author, and the text.
pub(super) type DemoComment = (&'static str, &'static str);

/// A post with its comments.
pub(super) struct DemoPost {
    /// The handle of the author.
    pub(super) author: &'static str,
    /// What it shows.
    pub(super) shown: Shown,
    /// The text.
    pub(super) text: &'static str,
    /// The comments, in order.
    pub(super) comments: &'static [DemoComment],
}

/// A thread: its opening, and the clips that others add, each with the handle of its author, the tone and a text.
pub(super) struct DemoThread {
    /// The opening, whose text is the title.
    pub(super) opening: DemoPost,
    /// The parts, in order.
    pub(super) parts: &'static [(&'static str, u32, &'static str)],
}

const fn post(author: &'static str, shown: Shown, text: &'static str, comments: &'static [DemoComment]) -> DemoPost {
    DemoPost { author, shown, text, comments }
}

const NO_COMMENTS: &[DemoComment] = &[];

/// The posts, the oldest first.
pub(super) static POSTS: [DemoPost; 43] = [
    post(
        "ana.popescu",
        Shown::Nothing,
        "Am găsit partitura pe care o căutam de un an. Era în cutia cu nasturi. #partituri",
        NO_COMMENTS,
    ),
    post(
        "tomas.quispe",
        Shown::Nothing,
        "Hoy enseñé a mi hija los tres primeros acordes. Ya me corrige. #charango",
        &[("marta.puig", "¡Así se aprende! Un abrazo a las dos manos pequeñas.")],
    ),
    post(
        "hana.kovac",
        Shown::Nothing,
        "Jedan mikrofon, tri glasa, nula dogovora. Ali smijeha dovoljno za cijelu ulicu.",
        NO_COMMENTS,
    ),
    post(
        "samir.hossain",
        Shown::Picture(["0x006400", "0xffd6a5"]),
        "নদীর ধারে সন্ধ্যা, আর একটা পুরনো গান।",
        &[("priya.sharma", "बहुत सुंदर रंग। कौन सा गाना था?")],
    ),
    post(
        "nino.beridze",
        Shown::Nothing,
        "სამი მეგობარი, სამი ხმა, ერთი სიმღერა. მეოთხე ადგილიც გვაქვს! #polyphony",
        &[
            ("amara.okafor", "Save the fourth seat for me. I will bring snacks."),
            ("tereza.dvorakova", "To je krása. Máte noty?"),
        ],
    ),
    post(
        "petar.ivanov",
        Shown::Nothing,
        "Съседите попитаха кога ще свиря пак. Мисля, че беше комплимент.",
        &[("lars.odegard", "Mine asked the same. I chose to believe it.")],
    ),
    post(
        "wairimu.kamau",
        Shown::Nothing,
        "Leo tumeimba sokoni, na kila mtu akajiunga. Asanteni! #singalong",
        &[("kofi.mensah", "That is the best stage there is.")],
    ),
    post("bence.szabo", Shown::Nothing, "A lekvár kész, a cimbalom hangolva. Jöhet a tél.", NO_COMMENTS),
    post(
        "marta.puig",
        Shown::Picture(["0x540b0e", "0xe09f3e"]),
        "El port a les set, abans que arribi ningú. #morning",
        &[("dimitra.pappa", "Καλημέρα από την άλλη άκρη της ίδιας θάλασσας!")],
    ),
    post(
        "sita.gurung",
        Shown::Nothing,
        "आमाले सिकाएको गीत आज मैले छोरीलाई सिकाएँ।",
        &[("oksana.koval", "Це найкраще, що можна передати далі.")],
    ),
    post(
        "anders.lindstrom",
        Shown::Nothing,
        "Körövning med bullar. Tenorerna kom i tid för en gångs skull.",
        NO_COMMENTS,
    ),
    post(
        "gabriel.santos",
        Shown::Nothing,
        "Videoke night: 42 songs, one power cut, and Lola still has the highest score. #karaoke",
        &[("minjun.kim", "할머니께 존경을 보냅니다."), ("thandi.dlamini", "Lola for president of this network.")],
    ),
    post("leila.rezaei", Shown::Nothing, "امروز باران بود و ساز ما خاموش، پس شعر خواندیم.", NO_COMMENTS),
    post("eero.makinen", Shown::Nothing, "Äänitin hiljaisuutta. Siitä tuli paras raita.", NO_COMMENTS),
    post(
        "ines.carvalho",
        Shown::Nothing,
        "Cantei fado a rir. A minha avó diz que não pode ser, mas riu também.",
        &[("mateus.araujo", "Pode sim. Saudade também ri.")],
    ),
    post(
        "arjun.kumar",
        Shown::Nothing,
        "இன்று முதல் முறையாக மேடையில் வாசித்தேன். கை நடுங்கியது, ஆனால் முடித்தேன்.",
        &[
            ("jonas.muller", "Congratulations! Shaking hands make honest vibrato."),
            ("amara.okafor", "You finished. That is the whole secret."),
        ],
    ),
    post(
        "tereza.dvorakova",
        Shown::Nothing,
        "Hledám alt do sboru. Požadavky: úterý večer a chuť zpívat. #choir",
        NO_COMMENTS,
    ),
    post(
        "tane.ngata",
        Shown::Nothing,
        "My nephew's first guitar has three strings left and he has four songs. Good ratio. #guitar",
        &[("kofi.mensah", "Four songs on three strings is a career.")],
    ),
    post(
        "nadia.benali",
        Shown::Nothing,
        "Première répétition avec les voisins du troisième. Le chat du deuxième chante aussi.",
        &[("chloe.lefevre", "Je viens filmer le chat. Et vous, si vous insistez.")],
    ),
    post(
        "giulia.ricci",
        Shown::Nothing,
        "Il microfono della doccia è una bottiglia di shampoo. L'acustica resta imbattibile.",
        &[("ines.carvalho", "Confirmo. Digressão mundial de casas de banho?")],
    ),
    post("noam.levi", Shown::Nothing, "החתולים אישרו את קו הבס החדש. הם נרדמו.", NO_COMMENTS),
    post(
        "eoghan.obriain",
        Shown::Nothing,
        "Thursday's session had eleven fiddles and one polite bodhrán. Next week: two polite bodhráns. #session",
        &[("lars.odegard", "I can be the twelfth fiddle in May.")],
    ),
    post(
        "wei.chen",
        Shown::Picture(["0x9d0208", "0xffba08"]),
        "用外公的老相机拍的。胶卷过期了，颜色反而更好。#photo",
        &[("yuki.kobayashi", "色がとてもやさしいですね。")],
    ),
    post(
        "dimitra.pappa",
        Shown::Picture(["0x0077b6", "0xcaf0f8"]),
        "Η θάλασσα σήμερα, χωρίς φίλτρο και χωρίς παπούτσια. #morning",
        &[("lucia.fernandez", "Qué azul. Me quedo a vivir en esta foto."), ("marta.puig", "Bon dia, veïna de mar!")],
    ),
    post(
        "thandi.dlamini",
        Shown::Nothing,
        "Lesson one for people who say they can't sing: say it again, but longer. #singing",
        &[
            ("gabriel.santos", "I caaaaaan't siiiing. Oh. Wait."),
            ("anders.lindstrom", "Den här tar jag med till tenorerna."),
        ],
    ),
    post(
        "zofia.wisniewska",
        Shown::Nothing,
        "Akordeon dziadka znowu gra. Brakowało mu tylko jednej śrubki i kogoś, kto zapyta.",
        &[("jonas.muller", "Eine Schraube und eine Frage. Das merke ich mir.")],
    ),
    post("aylin.yildiz", Shown::Nothing, "Eski bir filmin müziğini çıkardım. Nota yoktu, kulak vardı.", NO_COMMENTS),
    post(
        "linh.nguyen",
        Shown::Nothing,
        "Phở lúc sáu giờ, hát lúc bảy giờ. Cuối tuần hoàn hảo.",
        &[("gabriel.santos", "This is the only schedule I respect.")],
    ),
    post(
        "lars.odegard",
        Shown::Picture(["0x1d3557", "0xa8dadc"]),
        "Fra toppen i dag. Fiolinen ble hjemme, men jeg plystret.",
        NO_COMMENTS,
    ),
    post(
        "oksana.koval",
        Shown::Nothing,
        "Бабуся згадала ще один куплет. Тепер їх дев'ять. #songs",
        &[("zofia.wisniewska", "Dziewięć! Nagraj wszystkie, proszę."), ("nino.beridze", "ბებიები საუკეთესო არქივია.")],
    ),
    post(
        "minjun.kim",
        Shown::Nothing,
        "새 노래 후렴을 스무 번 녹음했어요. 첫 번째가 제일 좋았습니다. #recording",
        &[("eero.makinen", "Aina ensimmäinen."), ("yuki.kobayashi", "わかります、とても。")],
    ),
    post(
        "kofi.mensah",
        Shown::Nothing,
        "Dough is resting, so I am not. New groove at four o'clock. #drums",
        &[("noam.levi", "יש לי קו בס בדיוק בשביל זה."), ("wairimu.kamau", "Bread and drums: send both.")],
    ),
    post(
        "priya.sharma",
        Shown::Nothing,
        "पहली बारिश, पहली चाय, और वही पुराना गाना। #monsoon",
        &[("samir.hossain", "আমাদের এখানেও বৃষ্টি। একসঙ্গে গাই?")],
    ),
    post(
        "chloe.lefevre",
        Shown::Nothing,
        "Le meilleur moment d'un mariage : quand l'orchestre accorde et que personne ne filme. Sauf moi. #weddings",
        &[("nadia.benali", "C'est pour ça que tes films respirent.")],
    ),
    post(
        "omar.haddad",
        Shown::Nothing,
        "وجدت تسجيلاً لجدّي من عام 1962. الصوت بعيد والضحكة قريبة. #songs",
        &[("nadia.benali", "الله يرحمه. هل نسمعه؟"), ("leila.rezaei", "چه گنجی!")],
    ),
    post(
        "jonas.muller",
        Shown::Nothing,
        "Aus sechs Klingeln und einer Gabel ist ein Glockenspiel geworden. Es klingt nach Montagmorgen, aber \
         freundlich.",
        &[
            ("chloe.lefevre", "Il me faut ça pour un mariage en octobre."),
            ("bence.szabo", "Cimbalommal duettet kérek!"),
        ],
    ),
    post(
        "lucia.fernandez",
        Shown::Picture(["0x9b2226", "0xee9b00"]),
        "La ventana de enfrente, siete de la tarde. Alguien practica escalas y yo le sigo. #windows",
        &[("ines.carvalho", "Que luz. E que vizinhança."), ("tomas.quispe", "Dile que el si bemol va mejor.")],
    ),
    post(
        "mateus.araujo",
        Shown::Nothing,
        "Três acordes, o mar e uma cadeira que range no tempo certo. #guitar",
        &[("tane.ngata", "The chair deserves a credit.")],
    ),
    post(
        "yuki.kobayashi",
        Shown::Nothing,
        "終電の前に一曲だけ、と言って三曲歌いました。#karaoke",
        &[("gabriel.santos", "Only three? We need to talk."), ("minjun.kim", "다음엔 같이 가요!")],
    ),
    post(
        "amara.okafor",
        Shown::Picture(["0xe4572e", "0xf3a712"]),
        "Forty voices last night and not one excuse. Who is in for Friday? #choir #karaoke",
        &[
            ("thandi.dlamini", "In. My students are in too, they just don't know it yet."),
            ("tereza.dvorakova", "Alt je na cestě!"),
            ("mateus.araujo", "Levo o violão."),
        ],
    ),
    post(
        "jonas.muller",
        Shown::Clip(262),
        "Das Glockenspiel in Bewegung. Vier Sekunden, mehr war mit einer Hand nicht möglich.",
        &[("lars.odegard", "Mer, takk.")],
    ),
    post(
        "amara.okafor",
        Shown::Nothing,
        "If you are new here: say hello, join a thread, sing the wrong line. We all did. Welcome!",
        &[
            ("kofi.mensah", "I still sing the wrong line. Welcome!"),
            ("oksana.koval", "Ласкаво просимо!"),
            ("omar.haddad", "أهلاً وسهلاً!"),
        ],
    ),
    post("linh.nguyen", Shown::Nothing, "Cảm ơn mọi người vì một tuần đầy tiếng hát. Hẹn thứ Sáu!", NO_COMMENTS),
];

/// The threads.
pub(super) static THREADS: [DemoThread; 2] = [
    DemoThread {
        opening: post(
            "amara.okafor",
            Shown::Clip(330),
            "Sing the next line, whatever your language #singalong",
            &[("priya.sharma", "मैं अगली पंक्ति सोच रही हूँ।"), ("giulia.ricci", "Arrivo, appena finisco la doccia.")],
        ),
        parts: &[
            ("yuki.kobayashi", 392, "二行目、歌ってみました。"),
            ("mateus.araujo", 440, "A terceira, com violão e vento."),
        ],
    },
    DemoThread {
        opening: post(
            "lucia.fernandez",
            Shown::Clip(294),
            "Four seconds of your morning #morning",
            &[("eero.makinen", "Meillä on vielä yö.")],
        ),
        parts: &[("kofi.mensah", 349, "The oven, just before the bread.")],
    },
];

/// Posts that are reposted: the handle of the member who does, the author, and how the text begins.
pub(super) const REPOSTS: [(&str, &str, &str); 8] = [
    ("thandi.dlamini", "amara.okafor", "If you are new here"),
    ("kofi.mensah", "amara.okafor", "If you are new here"),
    ("gabriel.santos", "yuki.kobayashi", "終電の前に"),
    ("anders.lindstrom", "thandi.dlamini", "Lesson one"),
    ("leila.rezaei", "omar.haddad", "وجدت"),
    ("zofia.wisniewska", "oksana.koval", "Бабуся"),
    ("marta.puig", "dimitra.pappa", "Η θάλασσα"),
    ("bence.szabo", "jonas.muller", "Aus sechs"),
];

/// The kinds of reactions, in turns.
const KINDS: [&str; 5] = ["love", "applause", "like", "wow", "laugh"];

/// How the person at a place reacts to the post at another; `None` for not at all. Later posts have more reactions.
pub(super) fn reaction(person: usize, post: usize) -> Option<&'static str> {
    let reacts = (person * 7 + post * 11) % 40 < 3 + post % 5 + post / 6;
    reacts.then(|| KINDS[(person + post) % KINDS.len()])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::demo::people::PEOPLE;

    #[test]
    fn everyone_is_a_member_and_texts_are_found_again() {
        let handles: HashSet<&str> = PEOPLE.iter().map(|person| person.handle).collect();
        let openings = THREADS.iter().map(|thread| &thread.opening);
        let posts: Vec<&DemoPost> = POSTS.iter().chain(openings).collect();
        for post in &posts {
            let comments = post.comments.iter().map(|comment| comment.0);
            assert!(comments.chain([post.author]).all(|handle| handles.contains(handle)), "{}", post.text);
            let all = post.comments.iter().map(|comment| comment.1).chain([post.text]);
            all.for_each(|text| assert!(!text.contains(['\n', '\u{200b}', '\u{200c}', '\u{200d}']), "{text}"));
        }
        let texts: HashSet<(&str, &str)> = posts.iter().map(|post| (post.author, post.text)).collect();
        assert_eq!(texts.len(), posts.len());
        for (by, author, start) in REPOSTS {
            let found = posts.iter().any(|post| post.author == author && post.text.starts_with(start));
            assert!(found && by != author && handles.contains(by), "{start}");
        }
        let parts = THREADS.iter().flat_map(|thread| thread.parts);
        assert!(parts.clone().all(|part| handles.contains(part.0)));
        let clips = posts.iter().filter(|post| matches!(post.shown, Shown::Clip(_))).count();
        assert_eq!(clips + parts.count(), 6, "a demo converts six short videos");
    }
}
