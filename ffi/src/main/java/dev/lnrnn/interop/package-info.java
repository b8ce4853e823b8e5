/**
 * Files in formats of others: {@link dev.lnrnn.interop.Safetensors}. {@link dev.lnrnn.interop.FileReplacement} replaces
 * a file completely or not at all.
 */
@NullMarked
package dev.lnrnn.interop;

import org.jspecify.annotations.NullMarked;
