"""What QGIS finds at two addresses; run by the Python that QGIS comes with.

python3 look_with_qgis.py RASTER FEATURES PICTURE prints what it found as JSON, and draws both into PICTURE.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsMapLayer,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsPointXY,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

PLACE = QgsPointXY(7.005, 51.995)
"""Centre of the cell in row and column 800 and 700."""


def extent(layer: QgsMapLayer) -> list[float]:
    box = layer.extent()
    return [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]


def raster_told(layer: QgsRasterLayer) -> dict[str, Any]:
    value, is_there = layer.dataProvider().sample(PLACE, 1)
    return {
        "valid": layer.isValid(),
        "size": [layer.width(), layer.height()],
        "extent": extent(layer),
        "crs": layer.crs().authid(),
        "band": layer.bandName(1),
        "value": value if is_there else None,
    }


def features_told(layer: QgsVectorLayer) -> dict[str, Any]:
    return {
        "valid": layer.isValid(),
        "count": layer.featureCount(),
        "extent": extent(layer),
        "crs": layer.crs().authid(),
        "fields": [field.name() for field in layer.fields()],
        "names": [feature["name"] for feature in layer.getFeatures()][:3],
    }


def draw(layers: list[QgsMapLayer], picture: str) -> None:
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    settings.setExtent(QgsRectangle(-5, 40, 60, 65))
    settings.setOutputSize(QSize(1300, 500))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(picture)


def main(raster_source: str, features_source: str, picture: str) -> None:
    application = QgsApplication([], False)  # noqa: FBT003 - QGIS's own signature
    application.initQgis()
    raster = QgsRasterLayer(raster_source, "raster", "gdal")
    features = QgsVectorLayer(features_source, "features", "ogr")
    print(json.dumps({"raster": raster_told(raster), "features": features_told(features)}))
    features.renderer().symbol().setColor(QColor("red"))
    draw([features, raster], picture)
    del raster, features
    application.exitQgis()


main(*sys.argv[1:])
