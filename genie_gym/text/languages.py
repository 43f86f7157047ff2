"""Which languages are read: English and Chinese. Others are refused where they can be told; traditional Chinese is read as
simplified, and letters with accents as those without."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from genie_gym.errors import GenieGymError

READ = "English and Chinese"
# The commonest words of other languages; and those that are English words, or letters, as well.
_FOREIGN = frozenset(
    "un une le la les des du de et avec dans sous aux au est sans unos unas el los las del en y al por ein eine einen einem "
    "einer der das und mit im auf unter ohne bei zum vom ist il lo gli di della nel nella sotto uno una um uma os da das "
    "dos na em com sob à é een het onder bij op ett och med på av bir ile ve w z ze jest sebuah dengan yang một và với "
    "trong".split()
)
_EITHER = frozenset("am an as con die do e i in me met no o on so sur under van war was".split())
# Traditional characters, each before its simplified one, as far as they occur in words that are read.
_PAIRS = (
    "與与叢丛丟丢兩两個个臨临為为烏乌書书雲云從从會会傳传們们側侧兒儿減减幾几凍冻別别颳刮辦办動动區区農农創创雙双變变後后嗎吗週周圍围園园"
    "國国圓圆聖圣場场塊块壇坛罈坛壘垒處处復复頭头夾夹將将對对塵尘帳帐幟帜帶带幫帮乾干並并莊庄廟庙開开張张強强徑径戰战揚扬撥拨換换擺摆攤摊"
    "數数無无時时晝昼曉晓暫暂機机來来極极楓枫棟栋樹树條条橋桥樓楼毀毁氣气沒没濃浓漲涨漁渔遊游灣湾濕湿濱滨灘滩滅灭燈灯災灾點点煙烟煩烦熱热"
    "現现電电盞盏著着碼码禮礼離离種种積积競竞籠笼緊紧紀纪細细結结給给綿绵綠绿羅罗蕩荡見见許许設设誕诞該该請请調调負负販贩貿贸趕赶車车轉转"
    "輪轮轎轿輛辆邊边過过還还這这進进遠远遲迟邏逻裡里裏里鐘钟鐵铁錐锥鎮镇長长門门閃闪閉闭閒闲間间陽阳陰阴陣阵隨随霧雾頂顶風风颶飓颱台飄飘"
    "馬马騎骑鮮鲜黃黄關关內内隻只臺台噴喷宮宫巖岩樑梁讓让獸兽衛卫龍龙刪删"
)
_SIMPLIFIED = str.maketrans(dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)))


def plain(text: str) -> str:
    """Lower case, without accents and compatible characters, in simplified Chinese."""
    text = unicodedata.normalize("NFKD", text).lower()
    return unicodedata.normalize("NFKC", "".join(c for c in text if not unicodedata.combining(c))).translate(_SIMPLIFIED)


def check_language(text: str, words: Collection[str]) -> None:
    """Raises `GenieGymError` for a text whose letters are of another script than those of what is read; or which has more of
    the commonest words of other languages than English ones out of `words`. A name in another language is none."""
    letters = [unicodedata.name(letter, "").split(" ")[0] for letter in text if letter.isalpha()]
    latin, chinese = letters.count("LATIN"), letters.count("CJK")
    others = len(letters) - latin - chinese - letters.count("FULLWIDTH")
    spoken = any(script in ("HIRAGANA", "KATAKANA", "HANGUL") for script in letters)
    is_foreign = others > latin + (0 if spoken else chinese) or (spoken and others + chinese > latin)
    if not chinese and not is_foreign:
        said = [word for word in re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", text).lower()) if word not in _EITHER]
        foreign = [word for word in said if word in _FOREIGN]
        is_foreign = len(foreign) > sum(plain(word) in words for word in said if word not in _FOREIGN)
    if is_foreign:
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise GenieGymError(f"{shown!r} is in a language that is not read; write in {READ}.")
