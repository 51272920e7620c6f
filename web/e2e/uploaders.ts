// Owns the script of an app on another origin (uploaders.spec.ts): upload libraries, as an app bundles them.
import Uppy from '@uppy/core';
import Tus from '@uppy/tus';
import { Upload } from 'tus-js-client';

export const uploaders = { Uppy, Tus, Upload };

Object.assign(globalThis, { uploaders });
