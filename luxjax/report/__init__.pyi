from ._page import render as render
