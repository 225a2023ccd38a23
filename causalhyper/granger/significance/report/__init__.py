"""All that is known of layers in one table, with a verdict each."""

from causalhyper.granger.significance.report.diagnosis import diagnose
from causalhyper.granger.significance.report.result import Diagnosis, LayerDiagnosis

__all__ = ["Diagnosis", "LayerDiagnosis", "diagnose"]
