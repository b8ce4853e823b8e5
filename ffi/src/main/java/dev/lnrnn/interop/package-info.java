/**
 * Files that other libraries read and write, too, {@link dev.lnrnn.interop.Safetensors}, and the way in which this one
 * writes every file, {@link dev.lnrnn.interop.FileReplacement}.
 */
@NullMarked
package dev.lnrnn.interop;

import org.jspecify.annotations.NullMarked;
