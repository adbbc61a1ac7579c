"""What the terminal itself says while a lesson is taken, in the languages that lessons are told in."""

from dataclasses import dataclass
from typing import Final

from umbel.service.models.lessons import Language


@dataclass(frozen=True, kw_only=True)
class Words:
    """Words around the lessons and between their parts; `{…}` are filled in."""

    about: str
    predict: str
    happened: str
    own: str
    foreseen: str
    otherwise: str
    run_it: str
    no_xray: str
    held: str
    fails: str
    unknown: str
    right: str
    done_it: str
    choose: str
    passed: str
    go_on: str
    columns: tuple[str, str, str, str]
    yes: str
    takes: str


WORDS: Final[dict[Language, Words]] = {
    "en": Words(
        about="About {minutes} minutes.",
        predict="Predict",
        happened="What happened",
        own="In your own app",
        foreseen="You were right.",
        otherwise="It was another answer:",
        run_it="Enter runs it ({engine}, about {seconds:g} s)",
        no_xray="no X-ray: {why}",
        held="{held} of {all} claims of this text hold in your own run.",
        fails="{claim}: does not hold (step {step})",
        unknown="{claim}: not known (step {step})",
        right="right",
        done_it="Enter, when you have done it",
        choose="Your answer (1 to {count})",
        passed="Lesson {number} is passed.",
        go_on="Go on with: umbel learn {number}",
        columns=("", "LESSON", "MINUTES", "PASSED"),
        yes="yes",
        takes="umbel learn N takes a lesson; {url}/learn shows them in a browser.",
    ),
    "zh": Words(
        about="大约 {minutes} 分钟。",
        predict="预测",
        happened="发生了什么",
        own="用在你自己的应用里",
        foreseen="你答对了。",
        otherwise="是另一个答案：",
        run_it="按回车运行（{engine}，约 {seconds:g} 秒）",
        no_xray="没有 X 光：{why}",
        held="本文的 {all} 处断言中，有 {held} 处在你这次运行中成立。",
        fails="{claim}：不成立（步骤 {step}）",
        unknown="{claim}：无法得知（步骤 {step}）",
        right="正确",
        done_it="做完之后按回车",
        choose="你的答案（1 到 {count}）",
        passed="第 {number} 课已通过。",
        go_on="继续：umbel learn {number} --lang zh",
        columns=("", "课程", "分钟", "已通过"),
        yes="是",
        takes="umbel learn N --lang zh 学一课；在浏览器里看：{url}/learn",
    ),
}
