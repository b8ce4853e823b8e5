/** Loading of the native library, ownership of its objects, status to exception. Not exported. */
@NullMarked
package dev.lnrnn.internal;

import org.jspecify.annotations.NullMarked;
