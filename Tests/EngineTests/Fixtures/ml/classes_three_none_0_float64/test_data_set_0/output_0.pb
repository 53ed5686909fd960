
2c2a2a2c2c2c2a2c2a2cBy0