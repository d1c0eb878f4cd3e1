#!/bin/sh
# Makes the sample film that is shipped with the page, in each kind of source that must play in
# sync: MP4, WebM, audio alone, HLS. Needs ffmpeg, node and the project's npm packages.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${1:-"$root/packages/web/public/sample"}
font="$root/node_modules/@fontsource/jetbrains-mono/files/jetbrains-mono-latin-200-normal.woff"
small="$root/node_modules/@fontsource/jetbrains-mono/files/jetbrains-mono-latin-400-normal.woff"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out/hls"

quiet='-hide_banner -loglevel error -y'
reproducible='-fflags +bitexact -flags:v +bitexact -flags:a +bitexact -map_metadata -1'
two() { printf '%%{eif\\:%s\\:d\\:2}' "$1"; }
minutes=$(two 'trunc(t/60)')
seconds=$(two 'mod(trunc(t)\,60)')
hundredths=$(two 'mod(trunc(t*100+0.001)\,100)')
counter="drawtext=fontfile=$font:fontsize=150:fontcolor=0xf3ece0:x=376:y=500-ascent+80:text='$minutes\:$seconds.$hundredths'"
caption="drawtext=fontfile=$small:fontsize=20:fontcolor=0xe0a252:x=386:y=648:text='parlor · the same moment for everybody'"

node "$here/sound.mjs" >"$work/sound.f32"
ffmpeg $quiet -f f32le -ar 48000 -ac 2 -i "$work/sound.f32" "$work/sound.wav"
node "$here/picture.mjs" |
  ffmpeg $quiet -f rawvideo -pix_fmt rgb24 -s 1280x720 -r 30 -i - -vf "$counter,$caption" \
    -c:v libx264 -preset ultrafast -qp 0 -pix_fmt yuv444p "$work/picture.mkv"

film="-i $work/picture.mkv -i $work/sound.wav"
ffmpeg $quiet $film $reproducible -c:v libx264 -preset slower -tune animation -crf 29 -g 30 \
  -pix_fmt yuv420p -c:a aac -b:a 72k -movflags +faststart "$out/parlor-sample.mp4"
ffmpeg $quiet $film $reproducible -vf scale=854:480 -c:v libvpx-vp9 -b:v 0 -crf 50 -g 30 \
  -deadline good -cpu-used 2 -row-mt 1 -pix_fmt yuv420p -c:a libopus -b:a 56k "$out/parlor-sample.webm"
ffmpeg $quiet -i "$work/sound.wav" $reproducible -c:a aac -b:a 72k -movflags +faststart \
  "$out/parlor-sample.m4a"
ffmpeg $quiet $film $reproducible -vf scale=854:480 -c:v libx264 -preset slower -tune animation \
  -crf 31 -g 60 -sc_threshold 0 -pix_fmt yuv420p -c:a aac -b:a 56k \
  -f hls -hls_time 4 -hls_playlist_type vod -hls_segment_type fmp4 -hls_flags single_file \
  -hls_segment_filename "$out/hls/parlor-sample.m4s" "$out/hls/parlor-sample.m3u8"

ls -l "$out" "$out/hls"
