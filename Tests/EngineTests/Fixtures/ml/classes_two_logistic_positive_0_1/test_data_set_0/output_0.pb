
2yes2yes2yes2yes2yes2yes2yes2yes2yes2yesBy0