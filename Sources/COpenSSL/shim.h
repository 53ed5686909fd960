// SPDX-License-Identifier: Apache-2.0
// OpenSSL as Swift sees it; macros that Swift cannot call get a wrapper here.
#pragma once
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
