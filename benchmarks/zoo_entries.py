"""The generators of pretrained/: how each is trained, and what its card says; `zoo.py` makes them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """words: of `translate train`. chosen_by: the score that chose the best generator; empty: the newest is taken.
    keys: of the pictures on its card."""

    title: str
    words: str
    licence: str
    limits: str
    chosen_by: str = ""
    keys: tuple[str, ...] = ()


FLUENT = "MIT: trained on Microsoft's Fluent Emoji only (MIT), and passed on under the same terms"
OPENMOJI = (
    "CC BY-SA 4.0: trained on OpenMoji only (openmoji.org, the OpenMoji project, HfG Schwäbisch Gmünd), and passed on "
    "under the same terms"
)
ZOO = {
    "fluent_flat2shaded": Entry(
        "Flat drawings to soft shading, in the style of Microsoft's Fluent Emoji",
        "--mode registered --a fluent_flat --b fluent_3d --images 24000",
        FLUENT,
        "Adds shading, rims and shadows to flat drawings on white, and keeps their shapes. Trained at 64 x 64 only.",
        "KID-lite2",
        ("1F494", "1F94A", "1F515", "1F4D7"),
    ),
    "openmoji_line2color": Entry(
        "Line drawings to colour, in the style of OpenMoji",
        "--mode pix2pix --a openmoji_line --b openmoji_color --images 20000 --set discriminator.network=projected "
        "--set conditional=false --set lambda_l1=10 --set lambda_features=3 --set lr_d=2e-4 --set fuse_passes=false "
        "--set score_every=5000 --set inward_gradient=false",
        OPENMOJI,
        "Fills regions of black line art on white, mostly in yellow and beige. The colours are guesses, because a line "
        "drawing does not determine them. Trained at 64 x 64 only.",
        keys=("1F62A", "1F481-200D-2642", "1F515", "1F40E"),
    ),
    "fluent_labels2shaded": Entry(
        "Maps of sixteen colours to shaded pictures, in the style of Microsoft's Fluent Emoji",
        "--mode spade --a fluent_labels --b fluent_3d --images 12000",
        FLUENT,
        "Takes maps of its sixteen colours, as its page paints them, and no other pictures. Trained at 64 x 64 only.",
        "ST-LPIPS",
        ("1F493", "1F9AE", "1F6EC", "1F33F"),
    ),
    "hanzi_print2brush": Entry(
        "Printed Chinese characters to brush writing",
        "--mode registered --a hanzi_print --b hanzi_brush --images 12000",
        "OFL 1.1: trained on characters of two fonts under it (ZCOOL XiaoWei, Ma Shan Zheng), and passed on under the "
        "same terms",
        "One black character in the middle of a white square, as those of the set hanzi_print; strokes "
        "may be missing or blotted where there are many. Trained at 64 x 64 only.",
        "KID-lite2",
        ("4F3C", "7B14", "62F3", "5426"),
    ),
    "icons_line2filled": Entry(
        "Icons in outline to filled icons, in the style of Material Symbols",
        "--mode pix2pix --a icons_line --b icons_filled --images 60000",
        "Apache-2.0: trained on Google's Material Symbols only (Apache-2.0), and passed on under the same terms",
        "Black outlines on white, drawn as Material Symbols are; what is inside and what is outside is a guess where "
        "shapes are nested. Trained at 64 x 64 only.",
        "ST-LPIPS",
        ("skull_list", "nutrition", "request_quote", "local_bar"),
    ),
    "phosphor_thin2duotone": Entry(
        "Thin icons to two tones, in the style of Phosphor Icons",
        "--mode pix2pix --a phosphor_thin --b phosphor_duotone --images 30000",
        "MIT: trained on Phosphor Icons only (MIT), and passed on under the same terms",
        "Black hairlines on white, drawn as Phosphor's thin icons are; which regions become grey is a guess. Trained "
        "at 64 x 64 only.",
        "ST-LPIPS",
        ("lego-smiley", "hand-peace", "plug", "chat-circle-dots"),
    ),
    "mnist_digits": Entry(
        "Handwritten digits from noise, by class",
        "--mode dcgan --a mnist --labels auto --images 200000",
        "none stated: the digits are NIST's, prepared by LeCun, Cortes and Burges; their package says nothing of them",
        "Digits of 28 x 28 pixels, some of them malformed.",
        "KID-lite2",
    ),
}
