"""The panels of a report as figures: every name, every theme, and what is asked for wrongly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mexchange import EVENT, Asset, Market, Result
from mexchange.analytics.panels import PANELS, SECTIONS
from mexchange.reference import ReferenceEngine
from mexchange.testing.commands import random_commands
from mexchange.testing.profiles import awkward_markets


@pytest.fixture(scope="module")
def result() -> Result:
    engine = ReferenceEngine(awkward_markets(2))
    events = engine.step(random_commands(engine.markets, 2_000, 8, "orderly"))
    return Result(engine.markets, events, accounts={1: "maker"}, title="A day")


def nothing() -> Result:
    return Result([Market(Asset("KCN", 2), Asset("EUR", 4))], np.empty(0, EVENT))


@pytest.mark.parametrize("name", PANELS)
def test_every_panel_is_a_figure(result: Result, name: str) -> None:
    figure = result.plot(name)
    assert len(figure.data) > 0
    assert figure.to_dict() == getattr(result.plot, name)().to_dict()
    assert '"$' not in figure.to_json()


def test_all_panels_at_once(result: Result) -> None:
    figure = result.plot()
    titles = [note.text for note in figure.layout.annotations]
    assert len(titles) == len(set(titles)) >= len(PANELS)
    axes = [figure.layout[name] for name in figure.layout if name.startswith("xaxis")]
    timed = [axis for axis in axes if axis.type == "date"]
    assert len([axis for axis in timed if axis.matches]) == len(timed) - 1
    for name in (name for name in figure.layout if name.startswith(("xaxis", "yaxis"))):
        low, high = figure.layout[name].domain
        assert 0 <= low < high <= 1
    # Each agent is listed once and hidden everywhere at once.
    drawn = [t for t in figure.data if t.name == "maker" and t.type == "scatter"]
    lines = [trace for trace in drawn if trace.mode == "lines"]
    assert len(lines) > 3
    assert sum(trace.showlegend for trace in lines) <= 1
    assert len({trace.legendgroup for trace in lines}) == 1


def test_panels_do_not_overlap(result: Result) -> None:
    layout: Any = result.plot().layout
    names = [name for name in layout if name.startswith("yaxis")]
    boxes = []
    for name in names:
        y, x = layout[name], layout[f"xaxis{name.removeprefix('yaxis')}"]
        boxes.append((*x.domain, *y.domain))
    for place, (left, right, bottom, top) in enumerate(boxes):
        for other in boxes[place + 1 :]:
            apart = other[0] >= right or other[1] <= left or other[2] >= top or other[3] <= bottom
            assert apart


def test_one_agent_one_market_and_the_dark(result: Result) -> None:
    lines = result.plot("pnl", agent="maker").data
    assert [trace.name for trace in lines] == ["maker"]
    market = result.markets[1].name
    assert result.plot.price(market=1).to_dict() == result.plot.price(market=market).to_dict()
    light, dark = (result.plot.pnl(theme=theme).layout.paper_bgcolor for theme in ("light", "dark"))
    assert light == "#ffffff"
    assert dark != light


def test_what_is_not_there_is_said(result: Result) -> None:
    with pytest.raises(ValueError, match="no panel 'equty'; did you mean 'equity'"):
        result.plot("equty")
    with pytest.raises(AttributeError, match="no panel 'pice'; did you mean 'price'"):
        result.plot.pice()
    with pytest.raises(ValueError, match="no agent 'mker'"):
        result.plot("pnl", agent="mker")
    with pytest.raises(ValueError, match="no market 'KCN'; did you mean"):
        result.plot("price", market="KCN")
    with pytest.raises(ValueError, match=r"no theme 'pink'. There is: light, dark"):
        result.plot("pnl", theme="pink")


def test_names_complete(result: Result) -> None:
    assert dir(result.plot) == sorted(PANELS)
    assert repr(result.plot).startswith("<plot(name): attribution, depth")
    assert set(PANELS) == {name for names in SECTIONS.values() for name in names}
    assert not hasattr(result.plot, "_repr_html_")


def test_nothing_to_draw_is_said() -> None:
    for name in PANELS:
        figure = nothing().plot(name)
        assert len(figure.data) == 0
        assert not figure.layout.annotations or figure.layout.annotations[-1].text
    assert len(nothing().plot().data) == 0
