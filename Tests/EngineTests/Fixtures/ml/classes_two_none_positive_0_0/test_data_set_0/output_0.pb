
2yes2no2no2yes2yes2yes2no2yes2no2yesBy0