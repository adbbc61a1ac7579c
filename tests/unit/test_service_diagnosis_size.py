"""A diagnosis never exceeds its 1500 bytes, and is always cut in the same way."""

import json

from hypothesis import given
from hypothesis import strategies as st

from umbel.machine import RunState
from umbel.service.fit import MAX_BYTES, clip, fit
from umbel.service.models import AttemptNote, Diagnosis, RootCause, SuggestedAction, WaitingNote

RUN = "280d0c40-65d0-4063-a800-a3b674562711"
texts = st.text(max_size=600)
diagnoses = st.builds(
    Diagnosis,
    run_id=st.just(RUN),
    state=st.sampled_from(RunState),
    verdict=texts,
    root_cause=st.none()
    | st.builds(RootCause, task=texts, attempt=st.integers(1, 10**9), type=texts, message=texts, file_line=texts),
    chain=st.lists(texts, max_size=40),
    attempts=st.lists(
        st.builds(
            AttemptNote,
            task=texts,
            attempt=st.integers(1, 10**9),
            outcome=st.just("retrying"),
            ran=st.floats(0, 10**9).map(lambda number: round(number, 1)),
            wait=st.none(),
            error=texts,
        ),
        max_size=40,
    ),
    waiting=st.lists(st.builds(WaitingNote, task=texts, reason=texts), max_size=40),
    suggested_actions=st.lists(
        st.builds(
            SuggestedAction,
            tool=st.just("get_task_logs"),
            arguments=st.fixed_dictionaries({"key": texts}),
            why=st.just("x" * 45),
        ),
        max_size=3,
    ),
    left_out=st.just(0),
)


@given(diagnoses)
def test_it_always_fits(full: Diagnosis) -> None:
    cut = fit(full)
    assert len(json.dumps(cut.model_dump(mode="json"))) <= MAX_BYTES
    assert len(cut.model_dump_json().encode()) <= MAX_BYTES
    assert fit(full) == cut
    assert (cut.run_id, cut.state) == (full.run_id, full.state)


@given(texts, st.integers(10, 300))
def test_a_clipped_text_keeps_its_beginning(text: str, size: int) -> None:
    cut = clip(text, size)
    assert len(json.dumps(cut)) - 2 <= size
    assert cut == text or (cut.endswith("...") and text.startswith(cut[:-3]))


def test_what_fits_is_left_alone() -> None:
    small = Diagnosis(run_id=RUN, state=RunState.SUCCESS, verdict="Succeeded in 1.0 s.")
    assert fit(small) == small


def test_what_was_left_out_is_counted() -> None:
    full = Diagnosis(
        run_id=RUN, state=RunState.ERROR, verdict="x", chain=[f"T{n} never ran: needs A" for n in range(500)]
    )
    cut = fit(full)
    assert cut.left_out == 500 - len(cut.chain) > 0
