	BprobabilitiesJlÍ¸@RqC?Är¾G@ÐªE?4g¾E@Âå‹?¬$q¾wù@T
K?¿“l¾ØXM?4ë@ãp¾¶¹?³@"x¾©}J?j@sÍT¾MmJ¾cå[?­¥@ºþK¾|>Y?ç@