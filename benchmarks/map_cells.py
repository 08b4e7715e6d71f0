"""The cells of docs/when_it_pays.md, by name."""

from map_camvid import CAMVID
from map_farm import FARMS
from map_levers import LEVERS
from map_record import RECORD

CELLS = {cell.name: cell for cell in (*CAMVID, *FARMS, *LEVERS, RECORD)}
