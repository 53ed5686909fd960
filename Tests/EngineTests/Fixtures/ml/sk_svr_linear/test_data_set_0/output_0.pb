	BvariableJ$ÄGC„E’B#O3C~˜)Cx©CAE¬B¤[°BÜÙC
*C