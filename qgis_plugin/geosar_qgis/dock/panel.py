from qgis.PyQt.QtWidgets import QDockWidget
class Panel(QDockWidget): pass
