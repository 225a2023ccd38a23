import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import Role, Roles

nodes = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,5}", fullmatch=True)
columns = st.text(st.characters(exclude_characters="=()\r\n"), min_size=1).filter(
    lambda text: text == text.strip()
)
scales = st.sampled_from(["identity", "log", "log2", "log10"])


@given(st.builds(Role, nodes, columns, scales))
def test_every_role_is_read_back_from_its_text(role):
    assert Role.parse(str(role)) == role


@given(
    st.lists(
        st.builds(Role, nodes, columns, scales),
        min_size=1,
        unique_by=(lambda role: role.node, lambda role: role.column),
    )
)
def test_roles_are_read_back_from_their_mapping_in_order(members):
    roles = Roles(tuple(members))
    assert Roles.from_mapping(roles.to_mapping()) == roles
    assert list(roles) == [role.node for role in members]


@pytest.mark.parametrize(
    ("text", "node", "column", "transform"),
    [
        ("N=grad_noise", "N", "grad_noise", "identity"),
        (" N = log10( grad_noise ) ", "N", "grad_noise", "log10"),
        ("B=log2(batch_size)", "B", "batch_size", "log2"),
        ("B=identity(batch_size)", "B", "batch_size", "identity"),
        ("G=eval/top-1 accuracy", "G", "eval/top-1 accuracy", "identity"),
        ("x.1=log(log)", "x.1", "log", "log"),
    ],
)
def test_a_role_is_read_with_its_transform(text, node, column, transform):
    assert Role.parse(text) == Role(node, column, transform)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "N",
        "N=",
        "=grad_noise",
        "1N=x",
        "N=log10(x",
        "N=log10()",
        "N=sqrt(x)",
        "N=a=b",
        "N=log(log(x))",
        "A B=x",
        "N=log10(x)(y)",
        3,
        None,
    ],
)
def test_a_malformed_role_is_refused_with_the_form(text):
    with pytest.raises(ConfigurationError, match=r"expected such as 'N=grad_noise' or 'N=log10"):
        Role.parse(text)


def test_an_unknown_transform_is_refused_with_those_there_are():
    with pytest.raises(ConfigurationError, match="'sqrt'; the transforms are identity, log, log2"):
        Role.parse("N=sqrt(x)")


def test_roles_apply_their_transforms_to_a_copy():
    values = np.array([1, 10, 100], dtype=np.float32)
    np.testing.assert_allclose(Role.parse("N=log10(x)").apply(values), [0, 1, 2])
    np.testing.assert_allclose(Role.parse("N=log(x)").apply(values), np.arange(3) * 2.302585093)
    same = Role.parse("N=x").apply(values)
    assert same.dtype == np.float64
    same[0] = 5
    assert values[0] == 1


def test_a_role_does_not_write_through_to_float64_values():
    values = np.array([1.0, 2.0])
    Role.parse("N=x").apply(values)[0] = 9
    assert values.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_a_logarithm_of_what_is_not_above_zero_is_refused(bad):
    with pytest.raises(DataError, match=r"log2\(x\) needs values above 0; got"):
        Role.parse("N=log2(x)").apply([1.0, bad, np.nan])


def test_a_missing_value_stays_missing_under_a_logarithm():
    assert np.isnan(Role.parse("N=log(x)").apply([np.nan])).all()


def test_a_node_with_two_roles_is_refused():
    with pytest.raises(ConfigurationError, match="'N' has two roles, N=a and N=b"):
        Roles.parse(["N=a", "N=b"])


def test_a_column_that_plays_two_nodes_is_refused():
    with pytest.raises(ConfigurationError, match=r"'a' plays two nodes, N=a and S=log\(a\)"):
        Roles.parse(["N=a", "S=log(a)"])


def test_a_node_and_a_column_may_share_a_name():
    assert Roles.parse(["a=b", "b=a"]).columns == ("b", "a")


@pytest.mark.parametrize("texts", ["N=a", {"N": "a"}, []])
def test_roles_are_a_list_with_one_member_at_least(texts):
    with pytest.raises(ConfigurationError, match="expected"):
        Roles.parse(texts)


def test_roles_are_a_mapping_that_names_the_nearest_node():
    roles = Roles.from_mapping({"noise": "log10(grad_noise)", "G": "test_accuracy"})
    assert roles["noise"].column == "grad_noise"
    assert "Z" not in roles
    assert roles.get("Z") is None
    assert len(roles) == 2
    assert str(roles) == "noise=log10(grad_noise), G=test_accuracy"
    with pytest.raises(ConfigurationError) as caught:
        roles["noize"]
    assert str(caught.value) == (
        "no role for the node 'noize'; the nodes with a role are noise, G; did you mean 'noise'?"
    )


@pytest.mark.parametrize("transform", ["identity", "log", "log2", "log10"])
def test_inverting_a_transform_gives_back_the_column(transform):
    role = Role("N", "x", transform)
    values = np.array([1e-3, 1.0, 16.0, 33.0])
    np.testing.assert_allclose(role.invert(role.apply(values)), values, rtol=1e-12)
    back = role.invert(values)
    back[0] = 9
    assert values[0] == 1e-3
