"""The filter language: parsing, matching, normalising, and error messages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_tui.analysis.query import Query, QueryError, Term, parse, rows
from mnist_tui.analysis.table import ExampleTable
from mnist_tui.analysis.terms import ALIASES, FIELDS, WORDS, Field, Kind, Word
from tests.analysis.table_samples import DIVERGED, MIXED, recorded_table

NAMES = ("cat", "Dog", "ankle boot", "T-shirt/top", "o'hare", "'tis", 'a "b"', "x,y", "<5")


def found(text: str, table: ExampleTable = MIXED, names: tuple[str, ...] = ()) -> list[int]:
    return [int(row) for row in rows(parse(text, names), table)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ("true:1", [1, 2]),
        ("true:0,2", [0, 3, 4, 5]),
        ("true:0 , 2", [0, 3, 4, 5]),
        ("pred:0", [0, 1]),
        ("true:1 pred:2", [2]),
        ("-true:1", [0, 3, 4, 5]),
        ("!true:1", [0, 3, 4, 5]),
        ("true!=1", [0, 3, 4, 5]),
        ("-true!=1", [1, 2]),
        ("wrong", [1, 2, 3, 4]),
        ("correct", [0, 5]),
        ("right", [0, 5]),
        ("-wrong", [0, 5]),
        ("wrong correct", []),
        ("conf>0.75", [0, 3, 5]),
        ("conf > 75%", [0, 3, 5]),
        ("conf>=0.75", [0, 1, 3, 5]),
        ("conf<0.75 wrong", [2, 4]),
        ("margin<=0.25", [2, 4]),
        ("margin≤0.25", [2, 4]),
        ("-margin<=0.25", [0, 1, 3, 5]),
        ("loss>2", [3]),
        ("difficulty>0.5", [2, 3, 4]),
        ("index:10,14", [0, 4]),
        ("#12", [2]),
        ("#12,13", [2, 3]),
        ("-#12", [0, 1, 3, 4, 5]),
        ("index>=14", [4, 5]),
        ("TRUE:1 Wrong", [1, 2]),
        ("predicted:0 confidence>0.8", [0]),
        ("true=1", [1, 2]),
        ("learned-late", [5]),
        ("forgotten", [1]),
        ("never-learned", [2, 3, 4]),
        ("confidently-wrong", [3]),
        ("label-issue", [3]),
        ("disputed", [3]),
        ("label-correct", [1]),
        ("label-right", [1]),
        ("label-wrong", [3]),
        ("unreadable", [4]),
        ("unreviewed", [0, 2, 5]),
        ("wrong unjudged", [2]),
        ("mistakes", [1, 2, 3, 4]),
    ],
)
def test_a_filter_finds_the_rows_that_match_every_term(text: str, expected: list[int]) -> None:
    assert found(text) == expected


def test_every_field_and_word_can_be_used() -> None:
    for field in FIELDS.values():
        assert str(parse(field.example)) == field.example
        assert isinstance(rows(parse(field.example), MIXED), np.ndarray)
    for word in WORDS:
        assert len(found(word)) + len(found(f"-{word}")) == len(MIXED)


def test_no_two_entries_share_a_spelling() -> None:
    entries: list[Field | Word] = [*FIELDS.values(), *WORDS.values()]
    assert len(ALIASES) == sum(1 + len(each.aliases) for each in entries)


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("true:cat", 0),
        ("true:CAT", 0),
        ("true:dog", 1),
        ('true:"ankle boot"', 2),
        ("true:'ankle boot'", 2),
        ("true:t-shirt/top", 3),
        ("true:o'hare", 4),
        ('true:"\'tis"', 5),
        ("true:'a \"b\"'", 6),
        ('true:"x,y"', 7),
        ("true:<5", 8),
        ("true:8", 8),
    ],
)
def test_classes_go_by_name_or_by_number(text: str, true: int) -> None:
    query = parse(text, NAMES)
    assert query.terms == (Term("true", ":", (true,)),)
    assert parse(str(query), NAMES) == query


def test_names_that_differ_only_in_case_are_distinguished() -> None:
    assert parse("true:A", ("a", "A")).terms[0].values == (1,)
    with pytest.raises(QueryError, match="unknown class “AB”"):
        parse("true:AB", ("aB", "Ab"))


def test_a_number_is_a_name_where_names_are_numbers() -> None:
    assert parse("true:1", ("1", "2", "x")).terms[0].values == (0,)
    with pytest.raises(QueryError, match="“0”: the classes are 1, 2, x"):
        parse("true:0", ("1", "2", "x"))


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  TRUE:4 ,7,4   !Wrong ", "true:4,7 -wrong"),
        ("conf > 90%", "conf>0.9"),
        ("loss≥2.50", "loss>=2.5"),
        ("pred!=9", "-pred:9"),
        ("#00247", "index:247"),
        ("true='cat'", "true:cat"),
        ("predicted:dog right disputed", "pred:Dog correct label-issue"),
        ("true:2", 'true:"ankle boot"'),
        ("conf>0.12345678912345", "conf>0.12345678912345"),
        ("", ""),
        ("   ", ""),
    ],
)
def test_a_filter_has_one_normal_form(text: str, normal: str) -> None:
    names = NAMES if "cat" in text or "dog" in text or text == "true:2" else ()
    assert str(parse(text, names)) == normal
    assert parse(normal, names) == parse(text, names)


@st.composite
def terms(draw: st.DrawFn) -> Term:
    negated = draw(st.booleans())
    if draw(st.booleans()):
        return Term(draw(st.sampled_from(list(WORDS))), negated=negated)
    field = FIELDS[draw(st.sampled_from(list(FIELDS)))]
    most = {Kind.CLASS: len(NAMES) - 1, Kind.INDEX: 10**9, Kind.FRACTION: 1, Kind.NUMBER: 10**6}[field.kind]
    if field.takes_colon and (not field.takes_comparison or draw(st.booleans())):
        values = draw(st.lists(st.integers(0, most), min_size=1, max_size=4, unique=True))
        return Term(field.key, ":", tuple(values), negated)
    number: st.SearchStrategy[float] = st.integers(0, most) if field.kind is Kind.INDEX else st.floats(0, most)
    return Term(field.key, draw(st.sampled_from((">", ">=", "<", "<="))), (draw(number),), negated)


@given(st.lists(terms(), max_size=5), st.sampled_from(((), NAMES)))
def test_the_text_of_a_query_parses_as_the_same_query(some: list[Term], names: tuple[str, ...]) -> None:
    query = Query(tuple(some), names)
    assert parse(str(query), names) == query
    assert str(parse(str(query), names)) == str(query)


@given(st.text(max_size=30) | st.text(alphabet="true:4,9 cof<>=!-#.%\"'", max_size=20))
def test_any_text_is_a_query_or_an_error(text: str) -> None:
    try:
        query = parse(text)
    except QueryError:
        query = Query()
    assert parse(str(query)) == query


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wrnog", "“wrnog”: did you mean wrong"),
        ("tru:4", "“tru”: did you mean true:4"),
        ("neverlearned", "did you mean never-learned"),
        ("disputd", "did you mean label-issue"),
        ("zzz", "“zzz”: .*true:4 .*wrong, correct"),
        ("4", "true:4, pred:4 or index:4"),
        ("true", "“true” .*classes.* true:4"),
        ("true:", "“true” .*classes"),
        ("conf>", "“conf” .*from 0 to 1.* conf>0.9"),
        ("#", "whole numbers"),
        ("true>4", "“true” .*colon.* true:4"),
        ("conf:0.9", "“conf” .*>, >=, < or <=.* conf>0.9"),
        ("conf!=0.9", "“conf” .*>="),
        ("conf>90", "“conf” .*not 90.* conf>0.9 or 90%"),
        ("conf>high", "“high”"),
        ("conf>%", "“%”"),
        ("loss>inf", "“inf”"),
        ("loss>nan", "“nan”"),
        ("loss>-1", "“-1”"),
        ("loss>1,2", "one number"),
        ("index:x", "“x” is not an index"),
        ("index:1.5", "“1.5” is not an index"),
        (f"index:{'9' * 40}", "is not an index"),
        ("wrong:4", "“wrong” takes no value"),
        ("true:300", "“300”: .*0 to 255"),
        ("true:4,", "comma"),
        ("wrong, right", "“wrong, right” is not a filter"),
        ('true:"cat', "unclosed quotation mark"),
        ("-", "“-”"),
        (":4", "“:4”"),
    ],
)
def test_an_error_names_the_term_and_the_fix(text: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("name", "message"), [("dgo", "“dgo”: did you mean “Dog”"), ("9", "“9”: .* cat, Dog"), ("zebra", "cat, Dog")]
)
def test_an_unknown_class_is_an_error_with_the_names(name: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        parse(f"true:{name}", NAMES)


def test_an_error_does_not_list_many_names() -> None:
    letters = tuple("abcdefghijklmnopqrstuvwxyz")
    assert parse("true:z,25", letters).terms[0].values == (25,)
    with pytest.raises(QueryError, match="26 classes are a to z"):
        parse("true:777", letters)


def test_a_comparison_with_nan_is_never_true_and_its_negation_always() -> None:
    assert found("conf>0", DIVERGED) == found("conf<=1", DIVERGED) == found("loss>=0", DIVERGED) == []
    assert found("-conf>0", DIVERGED) == list(range(len(DIVERGED)))


def test_the_query_of_a_cell_finds_its_examples() -> None:
    table = recorded_table(3)
    for true in range(10):
        for predicted in range(10):
            expected = np.flatnonzero((table.true == true) & (table.predicted == predicted))
            assert rows(Query.cell(true, predicted), table).tolist() == expected.tolist()
    assert str(Query.cell(0, 1, NAMES)) == "true:cat pred:Dog"


def test_contradictory_terms_find_nothing() -> None:
    table = recorded_table(3)
    assert found("wrong -wrong", table) == []
    assert found("true:1 -true:1", table) == []


@given(st.lists(terms(), max_size=4))
def test_each_further_term_only_narrows_and_a_negated_one_finds_the_rest(some: list[Term]) -> None:
    table = recorded_table(2)
    whole = set(rows(Query(tuple(some)), table).tolist())
    for position, term in enumerate(some):
        without = some[:position] + some[position + 1 :]
        opposite = Term(term.key, term.operator, term.values, not term.negated)
        rest = set(rows(Query((*without, opposite)), table).tolist())
        assert not whole & rest
        assert whole | rest == set(rows(Query(tuple(without)), table).tolist())
