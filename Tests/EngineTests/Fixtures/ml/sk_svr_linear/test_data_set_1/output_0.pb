	BvariableJ$ÃGC†E’B$O3C˜)Cx©CCE¬B£[°BÜÙC
*C