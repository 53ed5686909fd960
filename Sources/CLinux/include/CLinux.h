// SPDX-License-Identifier: Apache-2.0
// What Linux has and Swift's Glibc module lacks, each as one thin inline wrapper.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CNumbers.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
