"""One HTML page on a store, its label sets and its runs."""

from ulskit.report.page import write_report

__all__ = ["write_report"]
