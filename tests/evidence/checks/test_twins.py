"""A star and its twins: chosen by the other labels, and their difference shows the label at its lines."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.evidence import twins

from ..worlds import RESOLUTION, europium, fitted_world


def richest(world) -> int:
    others = np.column_stack([np.ones(len(world.truth)), world.truth[:, :4]])
    left = world.truth[:, 4] - others @ np.linalg.lstsq(others, world.truth[:, 4])[0]
    return int(np.argmax(left))


def found(ratio: float, **options):
    world, fitted = fitted_world(ratio)
    given = {"lines": europium(world), "resolution": RESOLUTION} | options
    return world, twins(fitted, world.held_out, richest(world), "eu_fe", **given)


def test_twins_are_alike_in_the_other_labels():
    world, seen = found(4.0, k=15)
    row, ids = richest(world), world.held_out.ids
    assert seen.id == ids[row]
    assert len(seen.ids) == 15
    assert seen.id not in seen.ids
    assert np.all(np.diff(seen.distance) >= 0)
    place = [int(np.flatnonzero(ids == i)[0]) for i in seen.ids]
    spread = np.abs(world.truth[place, :3] - world.truth[row, :3]).mean(axis=0)
    assert np.all(spread < 0.6 * world.truth[:, :3].std(axis=0))
    assert seen.difference == pytest.approx(
        world.held_out.labels().value[row, 4] - world.held_out.labels().value[place, 4].mean()
    )


def test_the_residual_dips_at_lines_that_are_there():
    _, there = found(4.0)
    _, absent = found(0.0)
    assert there.z > 2.5 > abs(absent.z)
    at = there.expected < 0.3 * there.expected.min()
    assert np.nanmean(there.residual[at]) < -2 * np.nanmean(there.error[at]) / np.sqrt(at.sum())


def test_a_star_is_named_by_id_or_row_and_bad_input_is_explained():
    world, fitted = fitted_world(4.0)
    given = {"lines": europium(world), "resolution": RESOLUTION}
    first = str(world.held_out.ids[3])
    by_id = twins(fitted, world.held_out, first, "eu_fe", **given)
    by_row = twins(fitted, world.held_out, 3, "eu_fe", **given)
    np.testing.assert_array_equal(by_id.ids, by_row.ids)
    with pytest.raises(InputError, match="give one id or a row"):
        twins(fitted, world.held_out, "nobody", "eu_fe", **given)
    with pytest.raises(InputError, match="900 twins"):
        twins(fitted, world.held_out, 3, "eu_fe", 900, **given)
    with pytest.raises(InputError, match="no label 'eu'"):
        twins(fitted, world.held_out, 3, "eu", **given)
