/** Files that other libraries read and write, too: {@link dev.lnrnn.interop.Safetensors}. */
@NullMarked
package dev.lnrnn.interop;

import org.jspecify.annotations.NullMarked;
